import type { Backend, BackendPreference } from './backend.js';
import { loadBackend } from './backend.js';
import type { ModelSpec } from './network.js';

/** What a network is computed for; what is fastest may differ. */
export type BackendUse = 'training' | 'scoring';

export interface LoadedBackend extends Backend {
  /** For people: what it is, and why it was taken. */
  readonly detail: string;
}

/** Where those who train and score have their backend from. */
export interface BackendSource {
  /** @throws StarlingError CONFIG_INVALID when the backend asked for by name does not load here, or lacks a block. */
  load(preference: BackendPreference, model: ModelSpec, use: BackendUse): Promise<LoadedBackend>;
}

/** Those of this process alone: what needs nothing but packages. */
export const ownBackends: BackendSource = {
  async load(preference, model) {
    const backend = await loadBackend(preference, model);
    return { ...backend, detail: backend.name };
  },
};
