import path from 'node:path';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { loadClusterConfig, readNetwork } from '../../core/config/load.js';
import { parseClusterConfig, type ClusterConfig } from '../../core/config/schema.js';
import { loadBackend, type Backend } from '../../core/model/backend.js';
import { checkNetwork } from '../../core/model/network-check.js';
import { networkNames, type ModelSpec } from '../../core/model/network.js';
import { systemClock } from '../../runtime/system.js';
import { findLibrary } from '../../runtime/tensorflow/library.js';
import { TensorflowBackends } from '../../runtime/tensorflow/tensorflow-backends.js';
import type { Command, Output } from '../command.js';
import { UsageError, exitCode } from '../command.js';
import { networkLines } from '../network-lines.js';

const usage = `expected check FILE, or the name of a network: ${networkNames.join(', ')}`;

export const network: Command = {
  name: 'network',
  summary: 'tells what a network is made of, and whether all that can compute it agree',
  usage: 'check (FILE | NAME) [--config FILE]',
  text: 'For a network of your own, before a cluster runs it; names of those of Starling are taken too. Prints its parameters and blocks with their shapes, compares the gradient of each parameter with differences of the loss, and the losses of 50 steps between all that computes networks here: kernels, TensorFlow.js in WebAssembly and libtensorflow, if that is set up. Ends with 1 where they differ. Times are of this machine, while it did this.',
  options: [
    {
      name: 'config',
      value: 'FILE',
      text: 'features, outcomes and other options of the model; left out: some of each kind',
    },
  ],
  examples: [
    'starling network check ./my-network.ts --config shop.config.ts',
    'starling network check din',
  ],
  async run(args, out) {
    const [act, what, ...rest] = args.positionals;
    if (act !== 'check' || what === undefined || rest.length > 0)
      throw new UsageError(`network: ${usage}.`);
    const model = blueprintOf(await configWith(what, args.value('config'))).model;
    const check = checkNetwork(model, await backendsFor(model, out), systemClock);
    if (out.json) out.document({ network: what, ...check });
    else for (const line of networkLines(check)) out.line(line);
    return check.problems.length === 0 ? exitCode.ok : exitCode.failure;
  },
};

/** Some features of each kind, a chance and a value. */
const usual = {
  features: {
    user: { entity: 'user', kind: 'id' },
    age: { entity: 'user', kind: 'dense' },
    item: { entity: 'item', kind: 'id' },
    genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 8 },
    picture: { entity: 'item', kind: 'vector', length: 8 },
    device: { entity: 'context', kind: 'id' },
    recent: {
      ...{ entity: 'user', kind: 'history', of: 'item', length: 30 },
      with: ['event', 'secondsAgo'],
    },
  },
  events: { view: {}, purchase: {} },
  outcomes: { view: {}, spent: { from: ['purchase'], predict: 'value' } },
};

async function configWith(what: string, file: string | undefined): Promise<ClusterConfig> {
  const config = file === undefined ? parseClusterConfig(usual) : await loadClusterConfig(file);
  const withNetwork = (network: string, networkCode?: string): ClusterConfig =>
    parseClusterConfig({ ...config, model: { ...config.model, network, networkCode } });
  if ((networkNames as readonly string[]).includes(what)) return withNetwork(what);
  if (!/[./\\]/.test(what)) throw new UsageError(`network: ${usage}; got "${what}".`);
  return withNetwork(`./${path.basename(what)}`, await readNetwork(path.resolve(what)));
}

/** All that loads here: TensorFlow.js once, as it has one backend at a time. */
async function backendsFor(model: ModelSpec, out: Output): Promise<Backend[]> {
  const backends: Backend[] = [];
  for (const name of ['kernels', 'wasm'] as const)
    try {
      backends.push(await loadBackend(name));
    } catch (error) {
      out.note(`${name}: ${messageOf(error)}`);
    }
  if (findLibrary())
    try {
      const source = new TensorflowBackends({ clock: systemClock });
      backends.push(await source.load('tensorflow', model, 'training'));
    } catch (error) {
      out.note(`tensorflow: ${messageOf(error)}`);
    }
  else out.note('tensorflow is not set up here (`starling setup-tensorflow`), and not compared');
  if (backends.length > 0) return backends;
  throw new StarlingError('CONFIG_INVALID', 'nothing computes networks here');
}
