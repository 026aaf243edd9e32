import base from './jest.config.mjs';

/** `npm run test:unit`: what starts no nats-server. */
export default { ...base, testPathIgnorePatterns: ['\\.nats\\.test\\.js$'] };
