import { rowWidth, type Network } from '../network.js';
import { headParameters } from './heads.js';
import {
  interestIn,
  interestParameters,
  interestTower,
  interestTowerParameters,
} from './interests.js';
import { linearParameters } from './linear.js';

/**
 * DeepFM that sees, beside the mean of each history, what of it has to do with the candidate ("Deep Interest Network", Zhou et al., 2018; here with
 * factorisation machine and linear part). Where no history is declared it is DeepFM.
 *
 *   history ──▶ attention ◀── candidate
 *                   │
 *   vectors, numbers, interest ──▶ hidden … ──▶ heads ◀── products of pairs, interest · candidate
 */
export const din: Network = {
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    ...(spec.histories ?? []).flatMap((history) =>
      interestParameters(history, rowWidth(spec), spec),
    ),
    ...interestTowerParameters(spec),
  ],
  forward: (blocks, inputs, parameters, spec) => {
    const found = (spec.histories ?? []).map((history) => {
      const events = inputs.occurrences(history.slot);
      const candidate = blocks.pool(inputs.occurrences(history.of), 'mean');
      return interestIn(blocks, history, { events, candidate }, inputs, parameters);
    });
    return interestTower(blocks, found, inputs, parameters, spec);
  },
};
