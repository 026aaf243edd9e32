/** One plain closing line, for CI that does not read Jest's own. */
export default class SummaryReporter {
  /** @param {unknown} _contexts @param {{numPassedTests: number, numFailedTests: number, numPendingTests: number, numRuntimeErrorTestSuites: number}} results */
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests > 0 ? `, ${results.numPendingTests} skipped` : '';
    // After the summary of the default reporter, which writes asynchronously to standard error.
    process.on('exit', () =>
      console.log(`${results.numPassedTests} passed, ${failed} failed${skipped}`),
    );
  }
}
