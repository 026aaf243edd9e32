import {
  counter,
  countersByName,
  countsByName,
  gauge,
  measure,
  measuresByName,
  text,
} from './figures.js';

export const trainerFigures = {
  samples: counter('Samples learned.', 'samples'),
  batches: counter('Batches learned.'),
  steps: counter('Training steps; one may take several batches.'),
  retried: counter('Batches given back.'),
  deadLettered: counter('Samples of batches that could not be learned.'),
  loss: measure('loss', 'Mean log loss of the last steps.', 'loss'),
  stalenessMean: measure(
    'count',
    'Steps of other trainers between reading the network and telling it what was learned, mean of the last 256 steps; null: there was none.',
  ),
  stalenessMax: measure('count', 'The most of these.'),
  gradientNorm: measure(
    'none',
    'Norm of the mean gradient over the last steps; null: there was none. Beyond `training.explosionFactor` of it a step is refused.',
  ),
  judged: countersByName(
    'Scores of imported events, and of what was drawn beside them, before they were learned: by outcome, in buckets of their logits, of those that happened (p) and did not (n); {} where there were none.',
  ),
  shown: countsByName(
    'Scores of the newest 50,000 samples of each outcome that were shown, as serving would give them, before they were learned: as `judged`, and `userRows` and `userMicros` of the AUC within users; sums over trainers are of all their samples.',
  ),
  organic: countsByName(
    'The same of events of their own accord, against what was drawn beside them: their rate is one of the draw.',
  ),
  drift: measuresByName(
    'By feature, the population stability index of the newest 5,000 samples against those before; {} before there are 15,000.',
  ),
  backend: text('What executes the model; empty before it is loaded.'),
  queued: gauge('count', 'Batches that wait for a step.', 'queued'),
  unsettled: gauge('count', 'Steps that are not durable everywhere yet.'),
  pullP50Ms: measure('ms', 'Median time to read the rows of a step; null: there was none.'),
  computeP50Ms: measure('ms', 'Median time of a step itself; null: there was none.'),
  settleP50Ms: measure('ms', 'Median time until a step was durable; null: there was none.'),
};
