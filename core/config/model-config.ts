import { mainModel, type ModelIdentity } from '../base/model-identity.js';
import type { ClusterConfig } from './schema.js';
import { parseClusterConfig } from './schema.js';

/** What a model other than `main` has of its own, as people gave it: by path in the configuration, `model.hidden`. */
export type ModelOverrides = Readonly<Record<string, unknown>>;

/** The configuration of the cluster, as the actors of `main` have it. */
export function configOfMain(config: ClusterConfig): ClusterConfig {
  const { ofModel, ...others } = config;
  return ofModel === undefined ? config : others;
}

/**
 * The configuration that the actors of a model have: that of the cluster, but for what the model has of its own.
 *
 * @throws StarlingError CONFIG_INVALID for a value that can't be.
 */
export function configOfModel(
  config: ClusterConfig,
  identity: ModelIdentity,
  overrides: ModelOverrides,
): ClusterConfig {
  if (identity.name === mainModel) return configOfMain(config);
  const changed = structuredClone(config) as unknown as Record<string, unknown>;
  // The code of a network of one's own goes with it.
  if (Object.hasOwn(overrides, 'model.network'))
    setAt(changed, ['model', 'networkCode'], undefined);
  for (const [path, value] of Object.entries(overrides)) setAt(changed, path.split('.'), value);
  return { ...parseClusterConfig(changed), ofModel: identity };
}

/** As `configOfModel`, of an actor that is of a model or serves every one. */
export function configOfPlaced(
  config: ClusterConfig,
  model: { readonly identity: ModelIdentity; readonly set: ModelOverrides } | undefined,
): ClusterConfig {
  return model ? configOfModel(config, model.identity, model.set) : config;
}

function setAt(target: Record<string, unknown>, [key, ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[key!] = value;
    return;
  }
  const found = target[key!];
  const next = typeof found === 'object' && found !== null ? { ...found } : {};
  target[key!] = next;
  setAt(next, rest, value);
}
