/**
 * Bugs to be planted into what was built (plant-bugs.mjs): in `file`, below dist/, the text `from`, which is there once, becomes
 * `to`. Whoever changes such a line changes it here too.
 */
const psShard = 'actors/ps-shard';

/** Made up: each takes away something without which the design does not hold. */
export const planted = [
  {
    name: 'an owner takes requests of any epoch',
    file: `${psShard}/held-partition.js`,
    from: 'if (epoch === undefined || epoch === accepted.epoch)',
    to: 'if (accepted)',
  },
  {
    name: 'a shard whose lease has run out goes on answering',
    file: `${psShard}/row-requests.js`,
    from: 'if (!lease.valid)',
    to: 'if (false)',
  },
  {
    name: 'a delta does not say which batches are in it',
    file: `${psShard}/partition-publisher.js`,
    from: 'const applied = partition.applied.encode();',
    to: 'const applied = this.#committed.applied;',
  },
  {
    name: 'a push is acknowledged before it is durable',
    file: `${psShard}/row-requests.js`,
    from: 'await Promise.all(groups.map(({ publisher }) => publisher.durable()));',
    to: 'for (const { publisher } of groups) publisher.durable().catch(() => undefined);',
  },
  {
    name: 'anybody may write to the log of a partition',
    file: `${psShard}/partition-log.js`,
    from: 'after: { stream: stream.deltas, sequence: this.#sequence },',
    to: '',
  },
  {
    name: 'a batch that is in some partitions is applied to all again',
    file: `${psShard}/row-requests.js`,
    from: "if (standings[group] === 'all')",
    to: 'if (false)',
  },
  {
    name: 'a joiner publishes what it has not committed',
    file: 'actors/joiner/join-outbox.js',
    from: 'await this.#store.commit(commit);',
    to: 'this.#store.commit(commit).catch(() => undefined);',
  },
];

/** Mistakes that were made and mended, each put back. */
export const fixes = [
  {
    name: 'found by seed 11: two lives of a shard take its partitions from each other',
    file: `${psShard}/ownership-steps.js`,
    from: 'await this.#ports.requireLease();',
    to: '',
  },
];
