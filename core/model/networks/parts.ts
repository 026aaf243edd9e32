import { defineNetwork } from './define-network.js';
import { headParameters, perHead, withOwn } from './heads.js';
import { inputParts, partsWidth } from './inputs.js';
import { factorTerms, linearParameters, linearTerms } from './linear.js';
import { inputsOf, layerParameters, layers, tower, towerParameters } from './tower.js';

/** What a network of one's own may import from `starling/config`: what those here are made of. client/config.ts exports the same. */
export const networkParts = {
  ...{ defineNetwork, headParameters, perHead, withOwn, inputParts, partsWidth },
  ...{ factorTerms, linearParameters, linearTerms },
  ...{ inputsOf, layerParameters, layers, tower, towerParameters },
} as const;
