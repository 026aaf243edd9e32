import type { SimulationOptions } from './simulation.js';
import { Simulation } from './simulation.js';

/** A process that runs one simulation after the other for who has started it (pool.ts). */
process.on('message', (task: SimulationOptions) => {
  void Simulation.run(task).then(
    (report) => process.send!({ report }),
    // Of the simulation itself: nobody in it can be blamed.
    (error: unknown) =>
      process.send!({ error: error instanceof Error ? error.stack : String(error) }),
  );
});
// Nobody is left to be told.
process.on('disconnect', () => process.exit());
