import type { Network, NetworkName } from '../network.js';
import { withProjections } from '../projection.js';
import { dcnV2 } from './dcn-v2.js';
import { deepfm } from './deepfm.js';
import { din } from './din.js';
import { dlrm } from './dlrm.js';
import { fm } from './fm.js';
import { transformer } from './transformer.js';
import { wideAndDeep } from './wide-and-deep.js';

/** By the name `model.network` has in the configuration. Another one is one file, and one line here. */
export const networks: Readonly<Record<NetworkName, Network>> = {
  'dcn-v2': withProjections(dcnV2),
  deepfm: withProjections(deepfm),
  din: withProjections(din),
  dlrm: withProjections(dlrm),
  fm: withProjections(fm),
  mlp: withProjections(wideAndDeep),
  transformer: withProjections(transformer),
  'wide-and-deep': withProjections(wideAndDeep),
};
