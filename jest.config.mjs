// Costly invariants are checked too (runtime/verification.ts); workers and actors inherit it.
process.env.STARLING_VERIFY ??= '1';

// Tests run on the compiled output, so that what is tested is what ships.
export default {
  testEnvironment: 'node',
  rootDir: 'dist',
  testMatch: ['**/*.test.js'],
  transform: {},
  testTimeout: 60_000,
  maxWorkers: 2,
  testSequencer: new URL('scripts/test-sequencer.mjs', import.meta.url).pathname,
  reporters: ['default', new URL('scripts/summary-reporter.mjs', import.meta.url).pathname],
  // tfjs keeps a global of its own, which Jest would warn about.
  testEnvironmentOptions: { globalsCleanup: 'off' },
};
