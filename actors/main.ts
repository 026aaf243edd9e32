import { runProgram } from '../runtime/program.js';

/** The entry of every actor process. */
await runProgram('actors', () => import('./actor-processes.js'));
