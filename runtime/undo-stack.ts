import { messageOf } from '../core/base/errors.js';

/**
 * What was begun, so that it can be ended in reverse order; the shape of JavaScript's AsyncDisposableStack, which Node 20
 * does not have. Every step runs, whatever became of those before it: a connection that can't be closed must not leave
 * a server behind.
 */
export class UndoStack {
  readonly #steps: (() => unknown)[] = [];
  #unwinding: Promise<unknown[]> | undefined;

  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** To be stopped; returned as it is. */
  use<T extends { stop(): unknown }>(thing: T): T {
    this.defer(() => thing.stop());
    return thing;
  }

  /** Runs all steps, the last first, each once; returns what failed. Who calls it meanwhile waits for the same. */
  unwind(): Promise<unknown[]> {
    this.#unwinding ??= this.#unwind().finally(() => (this.#unwinding = undefined));
    return this.#unwinding;
  }

  /** @throws what failed; an AggregateError of several. */
  async disposeAsync(): Promise<void> {
    const errors = await this.unwind();
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) {
      const text = errors.map((error) => messageOf(error)).join('; ');
      throw new AggregateError(errors, `${errors.length} steps of the end failed: ${text}`);
    }
  }

  async #unwind(): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}

/**
 * What `build` makes, with all that it had begun ended again where it fails.
 *
 * @param told of what fails then as well: what is thrown is the reason for all of it.
 */
export async function builtUp<T>(
  build: (undo: UndoStack) => Promise<T>,
  told: (error: unknown) => void,
): Promise<T> {
  const undo = new UndoStack();
  try {
    return await build(undo);
  } catch (error) {
    for (const further of await undo.unwind()) told(further);
    throw error;
  }
}
