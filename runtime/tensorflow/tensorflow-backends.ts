import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import type { Clock } from '../../core/base/clock.js';
import { messageOf, StarlingError } from '../../core/base/errors.js';
import type { BackendSource, BackendUse, LoadedBackend } from '../../core/model/backend-source.js';
import { ownBackends } from '../../core/model/backend-source.js';
import type { BackendPreference } from '../../core/model/backend.js';
import { graphOf } from '../../core/model/graph.js';
import type { ModelSpec } from '../../core/model/network.js';
import { tensorExecutor } from '../../core/model/tensorflow/tensor-executor.js';
import { findLibrary, type TensorflowLibrary } from './library.js';
import { speedUp } from './measure.js';
import { deviceOf, probe, type Probe, type ProbeRequest } from './probe.js';
import { remembered } from './remembered.js';
import { openTensorRuntime } from './tensor-runtime.js';
import { registerTfjsNode } from './tfjs-node.js';

export interface TensorflowBackendsOptions {
  /** Where it is kept what was found out of library, model and machine; left out: nowhere. */
  readonly folder?: string;
  readonly clock: Pick<Clock, 'after' | 'wallMs'>;
  readonly find?: () => TensorflowLibrary | undefined;
  readonly tried?: (request: ProbeRequest) => Promise<Probe>;
}

/** Of the speed of the other. Too low: a process loads a library, 250 MB of pages, for what may be noise. Too high: it is set up for nothing. */
const worthwhile = 1.1;

/** A library that does not work is remembered too: an actor that starts anew need not find it out again. */
/** `passing`: it may be otherwise the next time. */
type Remembered =
  { readonly probe: Probe } | { readonly failure: string; readonly passing?: boolean };

/**
 * Backends of a machine on which there may be a libtensorflow. A process loads it only after another one has done so and
 * lived; `auto` loads it only where it is faster than what `auto` takes without it, for this model on this machine.
 */
export class TensorflowBackends implements BackendSource {
  readonly #options: TensorflowBackendsOptions;
  readonly #find: () => TensorflowLibrary | undefined;
  readonly #tried: (request: ProbeRequest) => Promise<Probe>;

  constructor(options: TensorflowBackendsOptions) {
    this.#options = options;
    this.#find = options.find ?? findLibrary;
    this.#tried = options.tried ?? probe;
  }

  async load(
    preference: BackendPreference,
    model: ModelSpec,
    use: BackendUse,
  ): Promise<LoadedBackend> {
    if (preference === 'auto') return this.#fastest(model, use);
    if (preference === 'tensorflow') return this.#named(model);
    if (preference === 'tfjs-node') return this.#tfjsNode(model, use);
    return ownBackends.load(preference, model, use);
  }

  async #fastest(model: ModelSpec, use: BackendUse): Promise<LoadedBackend> {
    const own = async (why: string): Promise<LoadedBackend> => {
      const backend = await ownBackends.load('auto', model, use);
      return { ...backend, detail: `${backend.name}${why}` };
    };
    try {
      const library = this.#find();
      if (library === undefined) return await own('');
      const found = await this.#probed({ library: library.path, model });
      if (found.missing) return await own(` (TensorFlow lacks ${found.missing.join(', ')})`);
      const ratio = speedUp(found.timings!, use);
      if (!(ratio >= worthwhile))
        return await own(`, ${rounded(1 / ratio)} × as fast as TensorFlow at ${use} here`);
      const backend = opened(library, found);
      const detail = `${backend.detail}, ${rounded(ratio)} × as fast as ${found.other} at ${use} here`;
      return { ...backend, detail };
    } catch (error) {
      // Nothing is lost but speed.
      return own(` (no TensorFlow: ${messageOf(error)})`);
    }
  }

  async #named(model: ModelSpec): Promise<LoadedBackend> {
    const library = this.#find();
    if (library === undefined) return this.#packaged(model);
    const found = await this.#probed({ library: library.path });
    const backend = opened(library, found);
    const missing = backend.executor.missing(graphOf(model));
    if (missing.length === 0) return backend;
    throw new StarlingError(
      'CONFIG_INVALID',
      `model.backend is "tensorflow", which lacks ${missing.join(', ')} of this network; use "auto"`,
      { missing },
    );
  }

  /** As before there was a library: a package that has brought its own. */
  async #packaged(model: ModelSpec): Promise<LoadedBackend> {
    try {
      return await ownBackends.load('tensorflow', model, 'training');
    } catch (cause) {
      throw new StarlingError(
        'CONFIG_INVALID',
        `model.backend is "tensorflow", and there is no libtensorflow here: run \`starling setup-tensorflow\`, or use "auto" (${messageOf(cause)})`,
        {},
        { cause },
      );
    }
  }

  /** Kernels of @tensorflow/tfjs-node(-gpu), over their own binding where it lies there, else over the library. */
  async #tfjsNode(model: ModelSpec, use: BackendUse): Promise<LoadedBackend> {
    const reasons: string[] = [];
    try {
      const backend = await ownBackends.load('tfjs-node', model, use);
      return { ...backend, detail: 'tfjs-node, with its own binding' };
    } catch (error) {
      reasons.push(messageOf(error));
    }
    try {
      const library = this.#find();
      if (library === undefined) throw new Error('there is no libtensorflow to put under it');
      const found = await this.#probed({ library: library.path });
      registerTfjsNode(library.path);
      const backend = await ownBackends.load('tfjs-node', model, use);
      return { ...backend, detail: `tfjs-node over ${described(found)}` };
    } catch (error) {
      reasons.push(messageOf(error));
    }
    throw new StarlingError(
      'CONFIG_INVALID',
      `model.backend is "tfjs-node", which does not load here (${reasons.join('; ')}); run \`npm install --save-optional --ignore-scripts @tensorflow/tfjs-node-gpu\` and \`starling setup-tensorflow\`, or use "auto"`,
      { reasons },
    );
  }

  async #probed(request: ProbeRequest): Promise<Probe> {
    const find = async (): Promise<Remembered> => {
      try {
        return { probe: await this.#tried(request) };
      } catch (error) {
        const passing = error instanceof StarlingError && error.details['passing'] === true;
        return { failure: messageOf(error), passing };
      }
    };
    const { folder, clock } = this.#options;
    const file = folder === undefined ? folder : path.join(folder, `${nameOf(request)}.json`);
    const keeps = (each: Remembered): boolean => !('passing' in each) || !each.passing;
    const found =
      file === undefined ? await find() : await remembered(file, clock, { find, keeps });
    if ('probe' in found) return found.probe;
    throw new StarlingError('TENSORFLOW_FAILED', found.failure, { library: request.library });
  }
}

function opened(library: TensorflowLibrary, found: Probe): LoadedBackend {
  const executor = tensorExecutor(openTensorRuntime(library.path));
  return { name: 'tensorflow', executor, detail: described(found) };
}

function described(found: Probe): string {
  return `tensorflow ${found.version} (${deviceOf(found)})`;
}

/** Another library, model, machine or Node, and it is found out anew. */
function nameOf({ library, model }: ProbeRequest): string {
  const { size, mtimeMs } = statSync(library);
  const processors = cpus().map((processor) => processor.model);
  const machine = [process.arch, process.versions.node, processors.length, processors[0]];
  const text = JSON.stringify([library, size, mtimeMs, machine, model ?? null]);
  return `tensorflow-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function rounded(ratio: number): string {
  return ratio.toPrecision(2);
}
