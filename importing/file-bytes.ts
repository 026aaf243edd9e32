import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { messageOf } from '../core/base/errors.js';
import { fileError, readError } from './file-error.js';

/** The bytes of a file as they were before it was compressed. The first bytes tell how it was, and not its name. */
export type Compression = 'gzip' | 'zstd' | undefined;

export interface FileBytes {
  readonly compression: Compression;
  /** The first bytes, decompressed: all there are if they are fewer than asked for. */
  readonly head: Buffer;
}

/** Enough for the first thousands of rows, of which delimiter, columns and kinds of values are found. */
const headBytesMax = 2 ** 20;

const readBytes = 256 * 1024;

/** @throws StarlingError FILE_INVALID where it can't be read, or is empty. */
export async function headOf(file: string, bytesMax = headBytesMax): Promise<FileBytes> {
  const compression = await compressionOf(file);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of bytesOf(file, compression)) {
    parts.push(part);
    length += part.length;
    if (length >= bytesMax) break;
  }
  if (length === 0) throw fileError(file, 'is empty');
  return { compression, head: Buffer.concat(parts) };
}

async function compressionOf(file: string): Promise<Compression> {
  try {
    const handle = await open(file);
    try {
      const start = Buffer.alloc(4);
      await handle.read(start, 0, 4, 0);
      if (start.readUInt16BE(0) === 0x1f8b) return 'gzip';
      // A frame, or one to be skipped, as some programs begin with.
      const magic = start.readUInt32LE(0);
      return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : undefined;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw readError(file, cause);
  }
}

/** @throws StarlingError FILE_INVALID for what is damaged or cut off. */
export async function* bytesOf(
  file: string,
  compression: Compression,
): AsyncGenerator<Buffer, void, undefined> {
  const stream = createReadStream(file, { highWaterMark: readBytes });
  try {
    if (compression === 'zstd') yield* unzstd(file, stream as AsyncIterable<Buffer>);
    else if (compression === undefined) yield* stream as AsyncIterable<Buffer>;
    else {
      const gunzip = createGunzip({ chunkSize: readBytes });
      stream.on('error', (error) => gunzip.destroy(error));
      yield* stream.pipe(gunzip) as AsyncIterable<Buffer>;
    }
  } catch (cause) {
    throw readError(file, cause);
  } finally {
    stream.destroy(); // Also when the caller stops early.
  }
}

/** In JavaScript: Node has it from version 22 on only. */
async function* unzstd(
  file: string,
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let out: Buffer[] = [];
  const decompress = new Decompress((part) => void out.push(Buffer.from(part)));
  const push = (part: Uint8Array, isLast: boolean): void => {
    try {
      decompress.push(part, isLast);
    } catch (cause) {
      const text = `is damaged or cut off zstd, or of a window above 32 MiB (zstd --long): ${messageOf(cause)}`;
      throw fileError(file, text, {}, cause);
    }
  };
  for await (const part of bytes) {
    push(part, false);
    for (const each of out) yield each;
    out = [];
  }
  push(new Uint8Array(0), true);
  yield* out;
}
