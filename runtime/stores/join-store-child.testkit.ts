import { randomUUID } from 'node:crypto';
import { joinStep, joinStepOptions } from './join-store.testkit.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import { LmdbJoinStore } from './lmdb-join-store.js';

/**
 * A joiner without a network, for the tests that kill one: commits step after step of a fixed stream and prints the
 * number of each once it is durable. Ends at a full disk with exit code 3, at step `last` with 0.
 *
 *   node join-store.child.js PATH LAST
 */
const [path, last] = process.argv.slice(2) as [string, string];
const store = LmdbJoinStore.open(path, { newId: () => randomUUID() });
const { progress, records, consumed } = store.load();
const window = new JoinWindow(joinStepOptions, store);
if (progress !== undefined) window.restore({ progress, records });

for (let step = (consumed['JOIN'] ?? 0) + 1; step <= Number(last); step++) {
  try {
    await store.commit(joinStep(window, step));
  } catch (error) {
    process.stdout.write(`${(error as { code?: string }).code}\n`);
    process.exit(3);
  }
  process.stdout.write(`${step}\n`);
}
await store.close();
