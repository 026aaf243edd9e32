// Brings libcuckoo and Abseil, whose maps `npm run bench -- table` stands beside, from the packages of Debian into
// .starling/peers: no root, nothing is installed. `node scripts/table-peers.mjs`
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const peers = path.join(root, '.starling/peers');

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: peers, stdio: ['ignore', 2, 2] });
  return error === undefined && status === 0;
}

mkdirSync(peers, { recursive: true });
if (!run('apt-get', ['download', 'libcuckoo-dev', 'libabsl-dev'])) {
  console.error(
    'libcuckoo-dev and libabsl-dev are not to be had by apt-get here, so the bench goes without them. ' +
      `Where you have their headers and libraries, put them under ${peers}/usr/include and ${peers}/usr/lib.`,
  );
  process.exit(1);
}
for (const file of readdirSync(peers).filter((name) => name.endsWith('.deb'))) {
  if (!run('dpkg', ['-x', file, '.'])) process.exit(1);
  rmSync(path.join(peers, file));
}
console.log(`libcuckoo and Abseil are in ${path.relative(root, peers)}`);
