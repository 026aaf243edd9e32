import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { JsonLines } from './json-lines.js';

let server: Server;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** One end with lines, the other bare, and what the former has seen. */
async function pair() {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const bare = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = await accepted;
  sockets.push(bare, socket);
  const objects: unknown[] = [];
  let closeCount = 0;
  const lines = new JsonLines(socket, {
    onObject: (value) => objects.push(value),
    onClose: () => closeCount++,
  });
  return { lines, bare, socket, objects, closeCount: () => closeCount };
}

describe('objects over a socket', () => {
  test('arrive one by one, however they are cut', async () => {
    const { bare, socket, objects } = await pair();
    bare.setNoDelay(true);
    for (const part of ['{"a":', '1}\n{"b":"ö', '"}\n{"c"']) {
      bare.write(part);
      await once(socket, 'data');
    }
    expect(objects).toEqual([{ a: 1 }, { b: 'ö' }]);
  });

  test('leave as a line each, the last of them before the end', async () => {
    const { lines, bare } = await pair();
    let text = '';
    bare.on('data', (data) => (text += data.toString()));
    lines.send({ a: '1\n2' });
    lines.send({ b: 2 });
    const ended = once(bare, 'end');
    await lines.end();
    await ended;
    expect(text).toBe('{"a":"1\\n2"}\n{"b":2}\n');
    lines.send({ late: true });
    await lines.end();
  });

  test.each(['no json\n', '7\n', 'null\n', '[{}]\n', 'x'.repeat(2 ** 20 + 1)])(
    'end with what is none: %.8j',
    async (text) => {
      const { bare, socket, objects, closeCount } = await pair();
      bare.on('error', () => undefined);
      bare.write(`{"a":1}\n${text}`);
      bare.write('{"b":2}\n');
      await once(socket, 'close');
      expect(objects).toEqual([{ a: 1 }]);
      expect(closeCount()).toBe(1);
    },
  );

  test('end when the other side does not read for long', async () => {
    const { lines, bare, socket } = await pair();
    bare.pause();
    const closed = once(socket, 'close');
    for (let i = 0; i < 1_000 && !socket.destroyed; i++) lines.send({ text: 'x'.repeat(2 ** 16) });
    await closed;
  });
});
