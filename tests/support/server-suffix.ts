import { expect } from '@jest/globals';

/**
 * Run before each file of tests: no nats-server is found by one whose name does not say that it starts one. So what
 * `npm run test:unit` leaves out is all that starts servers, and a new test with a server can't be overlooked in it.
 */
const { testPath } = expect.getState();
if (!testPath?.endsWith('.nats.test.js'))
  process.env['NATS_SERVER'] = '(a test that starts one is called x.nats.test.ts)';
