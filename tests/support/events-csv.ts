import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Synthetic interactions with something to learn: a user likes items of the same parity. Deterministic. */
export function writeEvents(folder: string, count: number): string {
  const lines = ['timestamp,user,item,label'];
  let state = 12345;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
  for (let i = 0; i < count; i++) {
    const user = next(200);
    const item = next(100);
    const likes = user % 2 === item % 2 ? next(10) < 8 : next(10) < 2;
    lines.push(`${1_000_000_000 + i},${user},${item},${likes ? 1 : 0}`);
  }
  const file = path.join(folder, 'events.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
