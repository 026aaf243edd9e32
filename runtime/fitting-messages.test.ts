import { describe, expect, test } from '@jest/globals';
import { sendFitting } from './fitting-messages.js';

function sending(payloadBytesMax: number) {
  const sent: string[] = [];
  return {
    sent,
    ports: {
      payloadBytesMax,
      encoded: (words: readonly string[]) => Buffer.from(words.join('')),
      send: async (bytes: Uint8Array) => void sent.push(Buffer.from(bytes).toString()),
    },
  };
}

describe('a list that is sent', () => {
  test('is one message where that fits, an empty one too', async () => {
    const { sent, ports } = sending(100);
    await sendFitting(['a', 'b'], ports);
    await sendFitting([], ports);
    expect(sent).toEqual(['ab', '']);
  });

  test('is several messages in order where one would be too long, each within nine tenths of the limit', async () => {
    const { sent, ports } = sending(10);
    const words = ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeeeeee'];
    await sendFitting(words, ports);
    expect(sent).toEqual(['aaaabbbb', 'cccc', 'dddd', 'eeeeeee']);
  });

  test('is refused at the element that does not fit by itself', async () => {
    const { sent, ports } = sending(10);
    await expect(sendFitting(['a', 'b'.repeat(11), 'c'], ports)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringMatching(/11 bytes, .* 10 /),
    });
    expect(sent).toEqual(['a']);
  });
});
