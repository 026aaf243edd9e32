import Sequencer from '@jest/test-sequencer';

/** Folders whose tests take longest; what is started last would else be waited for while the other worker has nothing to do. */
const slowest = ['tests/cluster/many-kills', 'tests/cluster/', 'tests/server/', 'supervisor/'];

export default class SlowestFirst extends Sequencer {
  /** @param {{path: string}[]} tests the larger files of a folder first */
  sort(tests) {
    const bySize = super.sort(tests);
    const rank = ({ path }) => {
      const found = slowest.findIndex((folder) => path.includes(`/dist/${folder}`));
      return found < 0 ? slowest.length : found;
    };
    return [...bySize].sort((a, b) => rank(a) - rank(b));
  }
}
