// Tests run on the compiled output, so that what is tested is what ships.
export default {
  testEnvironment: 'node',
  rootDir: 'dist',
  testMatch: ['**/*.test.js'],
  transform: {},
  testTimeout: 60_000,
  maxWorkers: 2,
};
