import { runActorProcess } from './actor-process.js';

/** A process of actors that do nothing. */
runActorProcess(async () => () => ({
  start: async () => undefined,
  stop: async () => undefined,
  stats: () => undefined,
}));
