import { describe, expect, test } from '@jest/globals';
import { builtUp, UndoStack } from './undo-stack.js';

describe('an undo stack', () => {
  test('runs its steps one after the other, the last first, and each once', async () => {
    const undo = new UndoStack();
    const done: string[] = [];
    undo.defer(() => done.push('first'));
    undo.defer(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push('second');
    });
    expect(undo.use({ stop: () => done.push('third') })).toHaveProperty('stop');
    await undo.disposeAsync();
    await undo.disposeAsync();
    expect(done).toEqual(['third', 'second', 'first']);
  });

  test('runs every step, whatever became of those before it', async () => {
    const undo = new UndoStack();
    const done: string[] = [];
    undo.defer(() => done.push('first'));
    undo.defer(() => {
      throw new Error('at once');
    });
    undo.defer(async () => {
      throw new Error('later');
    });
    expect(await undo.unwind()).toMatchObject([{ message: 'later' }, { message: 'at once' }]);
    expect(done).toEqual(['first']);
  });

  test('throws the one error as it is, and several together', async () => {
    const undo = new UndoStack();
    const one = new Error('one');
    undo.defer(() => Promise.reject(one));
    await expect(undo.disposeAsync()).rejects.toBe(one);
    undo.defer(() => Promise.reject(one));
    undo.defer(() => Promise.reject(new Error('other')));
    await expect(undo.disposeAsync()).rejects.toMatchObject({
      name: 'AggregateError',
      message: '2 steps of the end failed: other; one',
      errors: [{ message: 'other' }, { message: 'one' }],
    });
  });

  test('has whoever asks while it runs wait for the same end', async () => {
    const undo = new UndoStack();
    let finish = (): void => undefined;
    undo.defer(() => new Promise<void>((resolve) => (finish = resolve)));
    let ended = 0;
    const both = [undo.unwind(), undo.unwind()].map((each) => each.then(() => ended++));
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(0);
    finish();
    await Promise.all(both);
    expect(ended).toBe(2);
  });
});

describe('what is built up', () => {
  test('stays when all of it could be built', async () => {
    const done: string[] = [];
    const undo = await builtUp(
      async (stack) => {
        stack.defer(() => done.push('ended'));
        return stack;
      },
      () => done.push('told'),
    );
    expect(done).toEqual([]);
    await undo.disposeAsync();
    expect(done).toEqual(['ended']);
  });

  test('is ended again when a part fails, and that part is what is thrown', async () => {
    const done: string[] = [];
    const told: unknown[] = [];
    const reason = new Error('the third part');
    const built = builtUp(
      async (undo) => {
        undo.defer(() => done.push('first'));
        undo.defer(() => Promise.reject(new Error('the second can not be ended')));
        throw reason;
      },
      (error) => told.push(error),
    );
    await expect(built).rejects.toBe(reason);
    expect(done).toEqual(['first']);
    expect(told).toMatchObject([{ message: 'the second can not be ended' }]);
  });
});
