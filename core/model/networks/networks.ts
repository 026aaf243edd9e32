import { assert } from '../../base/assert.js';
import type { ModelSpec, Network, NetworkName } from '../network.js';
import { withProjections } from '../projection.js';
import { dcnV2 } from './dcn-v2.js';
import { deepfm } from './deepfm.js';
import { din } from './din.js';
import { dlrm } from './dlrm.js';
import { fm } from './fm.js';
import { ownNetwork } from './own-network.js';
import { transformer } from './transformer.js';
import { twoTower } from './two-tower.js';
import { wideAndDeep } from './wide-and-deep.js';

/** By the name `model.network` has in the configuration. Another one is one file, and one line here. */
const networks: Readonly<Record<NetworkName, Network>> = {
  'dcn-v2': withProjections(dcnV2),
  deepfm: withProjections(deepfm),
  din: withProjections(din),
  dlrm: withProjections(dlrm),
  fm: withProjections(fm),
  mlp: withProjections(wideAndDeep),
  transformer: withProjections(transformer),
  'two-tower': withProjections(twoTower),
  'wide-and-deep': withProjections(wideAndDeep),
};

/** @throws StarlingError CONFIG_INVALID for one of somebody's own that can't be computed. */
export function networkOf({
  network,
  networkCode,
}: Pick<ModelSpec, 'network' | 'networkCode'>): Network {
  if (networkCode !== undefined) return withProjections(ownNetwork(network, networkCode));
  assert(Object.hasOwn(networks, network), `${network} is a file, and its code is not there`);
  return networks[network as NetworkName];
}
