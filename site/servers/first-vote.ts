import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isFileError } from '../../runtime/os/private-file.js';

/**
 * Whom the servers of a new cluster elect, so that they elect somebody.
 *
 * Each server asks the others to vote for it as soon as it has found them, all within milliseconds, as all wait for one second
 * before they look for gateways, and with the vote until they have one (since 2.12). They ask in one and the same term, in which
 * who asks has voted for himself: mostly nobody wins, and the next try comes after an election time-out of 4 to 9 seconds. A
 * server that has seen a later term asks in a later one, and wins against whoever has asked in an earlier. So each begins in a
 * term of its own, the first data center in the latest. Raft lets terms be skipped, and nothing was voted on in these.
 *
 * The file is that of nats-server (`writeTermVote` in raft.go, alike from 2.9 to 2.15): the term in eight bytes, little-endian, and
 * after it whom it has voted for, here nobody. A server that does not know it has the vote that it would have had.
 *
 * @param storeFolders of all servers, none of which has run. Of others nothing is touched: theirs is a vote that was cast.
 */
export async function arrangeFirstVote(storeFolders: readonly string[]): Promise<void> {
  if (storeFolders.length === 1 || storeFolders.some((folder) => existsSync(folder))) return;
  const written = storeFolders.map(async (storeFolder, index) => {
    const file = voteFile(storeFolder);
    const term = Buffer.alloc(8);
    term.writeBigUInt64LE(BigInt(storeFolders.length - index));
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, term, { mode: 0o600 });
  });
  await Promise.all(written);
}

/** @returns the latest term in which a server has asked, or was asked, for a vote; undefined if it never did. */
export async function termSeenBy(storeFolder: string): Promise<number | undefined> {
  try {
    return Number((await readFile(voteFile(storeFolder))).readBigUInt64LE());
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function voteFile(storeFolder: string): string {
  return path.join(storeFolder, 'jetstream', '$SYS', '_js_', '_meta_', 'tav.idx');
}
