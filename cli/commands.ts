import type { Command } from './command.js';

/** In the order of the overview. Loaded one at a time: what all of them need takes longer to load than most take to run. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.js')).up,
  status: async () => (await import('./commands/status.js')).status,
  recommend: async () => (await import('./commands/recommend.js')).recommend,
  rank: async () => (await import('./commands/rank.js')).rank,
  audience: async () => (await import('./commands/audience.js')).audience,
  host: async () => (await import('./commands/host.js')).host,
  init: async () => (await import('./commands/init.js')).init,
  import: async () => (await import('./commands/import.js')).importFiles,
  ingest: async () => (await import('./commands/ingest.js')).ingest,
  items: async () => (await import('./commands/items.js')).items,
  users: async () => (await import('./commands/users.js')).users,
  'dead-letters': async () => (await import('./commands/dead-letters.js')).deadLetters,
  snapshot: async () => (await import('./commands/snapshot.js')).snapshot,
  restore: async () => (await import('./commands/restore.js')).restore,
  settings: async () => (await import('./commands/settings.js')).settings,
  config: async () => (await import('./commands/config.js')).config,
  scale: async () => (await import('./commands/scale.js')).scale,
  drain: async () => (await import('./commands/drain.js')).drain,
  undrain: async () => (await import('./commands/drain.js')).undrain,
  audit: async () => (await import('./commands/audit.js')).audit,
  chaos: async () => (await import('./commands/chaos.js')).chaos,
  simulate: async () => (await import('./commands/simulate.js')).simulate,
  doctor: async () => (await import('./commands/doctor.js')).doctor,
  'nats-config': async () => (await import('./commands/nats-config.js')).natsConfig,
};
