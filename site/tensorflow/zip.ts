import { createWriteStream } from 'node:fs';
import { mkdir, open, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

/** The end of a central directory, with the longest comment there may be. */
const tailBytesMax = 65_557;

/**
 * Takes entries out of a zip archive below 4 GiB, as wheels and jars are.
 *
 * @param placeOf where an entry goes, from `target`; undefined: it stays.
 * @throws where the file is no such archive, or damaged.
 */
export async function unzip(
  archive: string,
  target: string,
  placeOf: (name: string) => string | undefined,
): Promise<void> {
  const file = await open(archive);
  try {
    const directory = await directoryOf(file, archive);
    for (let at = 0; at + 46 <= directory.length;) {
      const nameBytes = directory.readUInt16LE(at + 28);
      const others = directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
      const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
      const place = name.endsWith('/') ? undefined : placeOf(name);
      if (place !== undefined) {
        const out = path.resolve(target, place);
        if (!out.startsWith(path.resolve(target) + path.sep))
          throw new Error(`${archive} has an entry outside of it: ${name}`);
        await extract(file, directory.subarray(at, at + 46), out);
      }
      at += 46 + nameBytes + others;
    }
  } finally {
    await file.close();
  }
}

async function directoryOf(file: FileHandle, archive: string): Promise<Buffer> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, tailBytesMax));
  await file.read(tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf('PK\u0005\u0006', undefined, 'latin1');
  if (end < 0 || end + 20 > tail.length) throw new Error(`${archive} is no zip archive`);
  const directory = Buffer.alloc(tail.readUInt32LE(end + 12));
  await file.read(directory, 0, directory.length, tail.readUInt32LE(end + 16));
  return directory;
}

async function extract(file: FileHandle, entry: Buffer, out: string): Promise<void> {
  const header = Buffer.alloc(30);
  const offset = entry.readUInt32LE(42);
  await file.read(header, 0, 30, offset);
  const start = offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packedBytes = entry.readUInt32LE(20);
  const bytes = entry.readUInt32LE(24);
  await mkdir(path.dirname(out), { recursive: true });
  // Read by the archive's own handle, which stays open for the next entry.
  const source =
    packedBytes === 0
      ? Readable.from([])
      : file.createReadStream({ start, end: start + packedBytes - 1, autoClose: false });
  const stored = entry.readUInt16LE(10) === 0 || packedBytes === 0;
  const unpacked = stored ? new PassThrough() : createInflateRaw();
  await pipeline(source, unpacked, createWriteStream(out));
  const { size } = await stat(out);
  if (size !== bytes) throw new Error(`${out} has ${size} bytes of ${bytes}`);
}
