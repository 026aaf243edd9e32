import TestSequencer from '@jest/test-sequencer';

/**
 * Small files that take long, whatever the machine: begun last, all would wait for them. Jest goes by the size of files where it
 * has not seen them run.
 */
const long = [
  /(chaos|shop-journey)\.nats\.test/,
  /cluster\/.*\.nats\.test/,
  /\.nats\.test|adoption/,
  /tests\/simulated\/|simulation\/(regressions|simulation|cluster)|run-training|long-file|supervisor\/(host|shared)/,
];

export default class LongFirst extends TestSequencer {
  /** @param {Parameters<TestSequencer['sort']>[0]} tests */
  async sort(tests) {
    const sorted = await super.sort(tests);
    /** @param {string} file */
    const place = (file) => {
      const at = long.findIndex((pattern) => pattern.test(file));
      return at < 0 ? long.length : at;
    };
    return sorted.sort((a, b) => place(a.path) - place(b.path));
  }
}
