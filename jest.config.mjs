import { fileURLToPath } from 'node:url';

/** The address of a file as a path: spaces and all in the name of the checkout's folder. */
const pathOf = (file) => fileURLToPath(new URL(file, import.meta.url));

// Costly invariants are checked too (runtime/verification.ts); workers and actors inherit it.
process.env.STARLING_VERIFY ??= '1';

// Tests run on the compiled output, so that what is tested is what ships.
export default {
  testEnvironment: pathOf('scripts/test-environment.mjs'),
  rootDir: 'dist',
  testMatch: ['**/*.test.js'],
  transform: {},
  testTimeout: 60_000,
  // With three, clusters on the two cores of CI wait for one another for seconds: what they prove then is the load.
  maxWorkers: 2,
  setupFilesAfterEnv: ['<rootDir>/tests/support/server-suffix.js'],
  testSequencer: pathOf('scripts/test-sequencer.mjs'),
  reporters: ['default', pathOf('scripts/summary-reporter.mjs')],
  // tfjs keeps a global of its own, which Jest would warn about.
  testEnvironmentOptions: { globalsCleanup: 'off' },
};
