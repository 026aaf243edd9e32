import { z } from 'zod';
import { durationMsOf } from './duration.js';
import { section } from './fields.js';

const msMin = 1_000;
const msMax = 400 * 24 * 3_600_000;
const durationError = "expected a duration such as '12h' or '30d', from '1s' to '400d'";

const duration = z.string({ error: durationError }).refine(
  (text) => {
    const ms = durationMsOf(text) ?? 0;
    return ms >= msMin && ms <= msMax;
  },
  { error: durationError },
);

/** How long what people did stays in logs that nobody needs any more: who is erased is gone from them by then. */
export const logsSchema = section({
  raw: duration
    .describe(
      'Events as they came. Too short: those that no processor came to for so long are lost. Too long: disk.',
    )
    .default('3d'),
  samples: duration
    .describe(
      'What is learned from. Too short: what training was away from for so long is not learned.',
    )
    .default('7d'),
  activity: duration
    .describe(
      'What people did, for histories and counts. Too short: a feature store that was away for so long begins with a snapshot.',
    )
    .default('30d'),
  deadLetters: duration
    .describe('What could not be processed. Too short: it is gone before anybody looks.')
    .default('30d'),
});
