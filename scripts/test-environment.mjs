import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

/**
 * A worker of Jest that has nothing left to do ends at once. To free its heap first, as Node does, takes longer on a busy machine
 * than the half second that Jest waits, which then calls it a leak; one that does leak has something left, and is still killed.
 */
if (process.send !== undefined) process.once('beforeExit', () => process.exit());

/**
 * Jest's environment for Node, whose globals are plain ones. Each use of a global, as of `Math` in a hash, would otherwise pass an
 * interceptor of Node's that exists for contexts made of an object, and take a hundred times as long: 20 million `Math.imul` take
 * 4.4 s rather than 0.04 s. The base class can't be told how to make its context.
 */
export default class PlainGlobals extends TestEnvironment {
  /** @param {ConstructorParameters<typeof TestEnvironment>} args */
  constructor(...args) {
    const { createContext } = vm;
    const plain = vm.constants.DONT_CONTEXTIFY;
    // Since Node 20.18; without it tests are slow.
    if (plain !== undefined) vm.createContext = () => createContext(plain);
    try {
      super(...args);
    } finally {
      vm.createContext = createContext;
    }
  }
}
