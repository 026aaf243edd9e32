/**
 * Bugs to be planted into what was built (plant-bugs.mjs): in `file`, below dist/, the text `from`, which is there once, becomes
 * `to`; and where one line is not enough, so do those of `also`. Whoever changes such a line changes it here too.
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
  {
    name: 'a group does not hear of a crash',
    file: 'supervisor/supervised-child.js',
    from: 'if (wasRunning && together.length > 0)',
    to: 'if (false)',
  },
];

/**
 * Mistakes of actors, replication, supervision and the cluster that were made and mended, each put back as the code is today; the
 * newest first, with the commit that mended it. Left out, of those that are as new:
 *
 * - what only NATS itself, its servers or the operating system do: 1c433e2 (a deaf watch), 59404d5 (max_payload), 9473a4f (limits of
 *   streams), 97ed99f (a repeated append), 1e0405c (sockets), f9356fb (names of hosts), 14776cb (work in hand is prolonged by the
 *   connection), 6ada91f (a drain of a connection that is closed), e92c769 (a key of a server that is stopped), 5f2c71d and f6d4c5a
 *   (tails and ways home), 280e9b6 and 8e4a99d (streams are made), 43f06ac and a5d2587 (waits for JetStream);
 * - what is only sooner or cheaper, and as right without it: 891b924, ef8e062, 51265ad, a1b60d1, 1a081ef, 252b685 (a shard that is
 *   started in the place of the lost one has its rows at once, as there are few), 09725ef, 798b33e, 91a926c, 6725e8e and the breaker
 *   of 08e7332 (somebody else answers, or in a moment), fa0d38a (what a host has given up is tried elsewhere), ae91bc2;
 * - fe0d66b: nothing is trimmed behind a joiner in so short a time;
 * - the rest of 569c542: a request that nobody hears yet is repeated by whoever asks, within its time;
 * - 341d97a: nothing fails here when it is ended, so no step of the end is skipped;
 * - 2cb56cb and 6294208: fenced records (4158b36) and epochs that owners take themselves (6cffa13) made them the same as without;
 * - 7563845: what could hear of others too early is made in one go now, and no line of it can be put back.
 */
export const fixes = [
  {
    name: 'a snapshot whose shard is gone is waited for to its deadline',
    file: 'runtime/long-call.js',
    from: 'if (bus.clock.nowMs() - heardAtMs < silenceMsMax)',
    to: 'if (true)',
  },
  {
    name: 'a leader whose clock is behind trims behind his own snapshot',
    file: 'runtime/stores/snapshot-store.js',
    from: 'if (newest === undefined || id > newest)',
    to: 'if (true)',
    also: [
      {
        file: 'cluster/snapshots/manifests.js',
        from: 'Math.min(...kept.map(needs))',
        to: 'needs(kept.at(-1))',
      },
    ],
  },
  {
    name: 'serving is told again of the newest record alone',
    file: 'replication/partition-fold.js',
    from: 'parts.some(changesRows)',
    to: 'true',
  },
  {
    name: 'a leader leaves copies with shards that are gone',
    file: 'cluster/partitions/partition-keeper.js',
    from: 'if (followers.every((shard) => shards.includes(shard)))',
    to: 'if (true)',
  },
  {
    name: 'a batch that is delivered again is in a step twice',
    file: 'actors/trainer/batch-queue.js',
    from: 'if (at >= 0)',
    to: 'if (false)',
  },
  {
    name: 'who stood still works on for who waits no more',
    file: 'runtime/serve-endpoint.js',
    from: 'if (waitedMs >= patienceMs)',
    to: 'if (false)',
  },
  {
    name: 'c7bdbd5: two lives of a shard take its partitions from each other',
    file: `${psShard}/ownership-steps.js`,
    from: 'await this.#ports.requireLease();',
    to: '',
  },
  {
    name: '4ad982c: what a store that is behind has answered is kept as if it were new',
    file: 'actors/shared/noticed-cache.js',
    from: 'const lacksSinceMs = reaches(sequences, noticed) ? NaN : sinceMs;',
    to: 'const lacksSinceMs = NaN;',
  },
  {
    name: '569c542: a ranker is ready before a network has come',
    file: 'actors/ranker/dense-follower.js',
    from: 'await this.#first;',
    to: '',
  },
  {
    name: '6cffa13: an owner takes the epoch that the directory names',
    file: `${psShard}/ownership.machine.js`,
    from: 'return Math.max(namedEpoch, epoch) + 1;',
    to: 'return namedEpoch > epoch ? namedEpoch : epoch + 1;',
    also: [
      {
        file: `${psShard}/ownership-steps.js`,
        from: '(named) => named < epoch',
        to: '(named) => named <= epoch',
      },
    ],
  },
  {
    name: '6cffa13: an owner accepts by what it has read of the directory',
    file: `${psShard}/ownership-steps.js`,
    from: `return (await this.#writeEntry(epoch, (named) => named === epoch))
                    ? { type: 'CONFIRMED' }
                    : { type: 'REFUSED' };`,
    to: `return { type: 'CONFIRMED' };`,
  },
  {
    name: '6cffa13: a log that is at a later epoch is opened at an earlier one',
    file: `${psShard}/held-rows.js`,
    from: 'if (follower.position.epoch > epoch)',
    to: 'if (false)',
  },
  {
    name: '4158b36: what a watch says again is taken for a renewal of a host',
    file: 'cluster/hosts/host-registry.js',
    from: 'await registry.#records.watch(options.bus);',
    to: `await options.bus.bucketWatch(options.bus.names.bucket, hostKeys, (_key, { bytes }) => registry.#observe(decodeHost(bytes)));`,
  },
  {
    name: 'fce34b3: who answers works on when nobody waits any more',
    file: 'runtime/serve-endpoint.js',
    from: 'return timeout === undefined ? msMax : Math.min(msMax, parseTimeout(timeout));',
    to: 'return msMax;',
  },
  {
    name: '08e7332: a second try has as long again as the first',
    file: 'runtime/hedged-call.js',
    from: 'const leftMs = Math.max(1, endMs - clock.nowMs());',
    to: 'const leftMs = deadlineMs;',
  },
  {
    name: 'fa0d38a: an exit that is told late promotes the standbys of a life that has begun',
    file: 'cluster/partitions/partition-services.js',
    from: `if (type === 'exit' && now?.state === 'ready' && now.epoch > epoch)`,
    to: 'if (false)',
  },
  {
    name: '786dffd: a joiner that has not opened its window can not stop',
    file: 'actors/joiner/joiner.js',
    from: 'await held?.stop();',
    to: 'await held.stop();',
  },
  {
    name: '62c32c3: a joiner tells figures of a window that it does not have',
    file: 'actors/joiner/joiner.js',
    from: 'stats: () => held && joinerStats(',
    to: 'stats: () => joinerStats(',
  },
  {
    name: '996b1b4: a holder is given up without asking the bucket',
    file: 'cluster/leadership/lease-watch.js',
    from: 'if (!(await this.#hasLapsed(key, renewal)))',
    to: 'if (false)',
  },
  {
    name: '1ac38cc: a joiner goes on with a window that went on elsewhere',
    file: 'actors/joiner/window-store.js',
    from: "return newest === undefined || newest === own ? undefined : 'the window went on elsewhere';",
    to: 'return undefined;',
    also: [
      {
        file: 'actors/joiner/join-outbox.js',
        from: 'if (published.position && published.position.window !== this.#store.window)',
        to: 'if (false)',
      },
    ],
  },
  {
    name: '1ac38cc: two lives of a joiner publish samples',
    file: 'actors/joiner/join-outbox.js',
    from: 'after: { stream: bus.names.stream.samples, sequence: this.#sequence },',
    to: '',
  },
  {
    name: '1ac38cc: a window that is made anew tells apart in the middle of a commit what the stream has',
    file: 'actors/joiner/join-outbox.js',
    from: 'return sequence === this.#there?.from || sequence === this.#there?.to;',
    to: 'return false;',
  },
  {
    name: '1ac38cc: samples depend on when the window happens to be committed',
    file: 'actors/joiner/join-reader.js',
    from: 'this.#ports.window.advance();',
    to: '',
  },
  {
    name: '8999e20: the lease of a shard belongs to all lives of its address',
    file: 'replication/shard-lease.js',
    from: 'termOf: ({ epoch }) => epoch,',
    to: 'termOf: () => 0,',
  },
  {
    name: '8999e20: a host starts what another one has not ended yet',
    file: 'cluster/hosts/host-agent.js',
    from: 'missing.filter(({ address }) => !runsElsewhere(address));',
    to: 'missing;',
  },
  {
    name: '86e2ead: a lease seems older to who watches than to who holds it',
    file: 'cluster/leadership/lease-watch.js',
    from: 'return this.#healthyMs + this.#sinceLook();',
    to: 'return this.#healthyMs;',
  },
];
