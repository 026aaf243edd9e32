import type { Role } from '../../messages/roles.js';
import { roles } from '../../messages/roles.js';
import { actorKinds } from '../../messages/actor-kinds.js';
import type { Site } from './role-servers.js';

/**
 * What each role may do, written down a second time and without the functions of messages/roles.ts: a slip there that
 * opens a subject to a role shows here as a difference. Everything in the catalogues that is not listed is denied.
 */
export interface Expectation {
  readonly site: Site;
  readonly publishes: readonly string[];
  readonly subscribes: readonly string[];
}

const streams = [
  ...['RAW_TRAIN', 'RAW_EAST', 'JOIN', 'SAMPLES', 'DELTAS', 'DELTAS_EAST', 'DENSE', 'DENSE_EAST'],
  ...[
    'SNAPSHOTS_TRAIN',
    'SNAPSHOTS_EAST',
    'FEATURES',
    'FEATURES_EAST',
    'ACTIVITY',
    'ACTIVITY_EAST',
    'SETTINGS',
    'SETTINGS_EAST',
    'DEAD_LETTER',
    'SUPERVISION',
    'KV_CLUSTER',
  ],
];

const protocol = [
  ...['starling.recommend', 'starling.rank', 'starling.status'],
  ...['starling.ranker.main', 'starling.at.west.ranker.main'],
  ...['starling.at.west.recommend', 'starling.at.west.rank', 'starling.at.west.lookup.0'],
  ...['starling.at.west.feature-store', 'starling.hosts.status.h1'],
  'starling.hosts.profile.h1',
  ...['starling.ingest.impression', 'starling.ingest.action', 'starling.ingest.features'],
  'starling.ingest.erase',
  ...['starling.raw.train.action', 'starling.raw.east.impression', 'starling.raw.east.action'],
  ...['starling.join.0', 'starling.joiner.0.close', 'starling.joiner.0.snapshot'],
  ...['starling.joiner.0.release', 'starling.joiner.0.import', 'starling.samples.0'],
  'starling.samples.retried.letters',
  ...[
    'starling.ps.pull.0',
    'starling.ps.push.0',
    'starling.ps.control.snapshot.0',
    'starling.ps.control.release.0',
    'starling.ps.control.digest.0',
  ],
  ...['starling.serving.control.snapshot.train.0', 'starling.serving.control.snapshot.east.0'],
  ...['starling.serving.control.digest.train.0', 'starling.serving.control.digest.east.0'],
  ...['starling.dense.pull.main', 'starling.dense.push.main', 'starling.dense.durable.main'],
  ...['starling.dense.control.restore.main', 'starling.operate.scale', 'starling.progress.x'],
  ...[
    'starling.deltas.weights.main.0',
    'starling.deltas.rows.main.0',
    'starling.deltas.dense.main',
  ],
  ...['starling.dense-log.version.main', 'starling.dense-log.state.main'],
  'starling.dense-log.state-part.main.0',
  'starling.settings.score',
  ...['starling.features.user', 'starling.features-changed.user', 'starling.feature-store.get'],
  ...['starling.activity.0', 'starling.kept-changed.east.user', 'starling.kept-changed.train.item'],
  ...['starling.lookup.0', 'starling.visible.train.0', 'starling.visible.east.0'],
  'starling.popular',
  ...['starling.snapshots.train.s.o', 'starling.snapshots.east.s.o'],
  ...['starling.snapshot-manifests.train.s', 'starling.snapshot-manifests.east.s'],
  ...['starling.snapshots.train.features.s.o', 'starling.snapshots.east.features.s.o'],
  'starling.snapshot-manifests.east.features.s',
  ...['starling.snapshots.train.model.m.s.o', 'starling.snapshots.east.model.m.s.o'],
  'starling.snapshot-manifests.train.model.m.s',
  ...['starling.snapshots.train.windows.s.o', 'starling.snapshots.east.windows.s.o'],
  'starling.snapshot-manifests.train.windows.s',
  ...[
    'starling.feature-store.control.snapshot.train',
    'starling.feature-store.control.snapshot.east',
  ],
  ...['starling.supervision.start', 'elsewhere', 'starling.new-subject'],
  ...actorKinds.map((kind) => `starling.dead-letter.${kind}`),
];

const inboxes = [
  '_INBOX.x.y',
  ...roles.filter((role) => role !== 'client').map((role) => `_INBOX_${role}.x.y`),
];

/** Without what a subject of JetStream can't be denied without harm: nothing. */
export const publishCatalogue: readonly string[] = [
  ...protocol,
  ...inboxes,
  '_R_.x.y',
  '$KV.CLUSTER.shape',
  '$KV.CLUSTER.partition.0',
  '$KV.CLUSTER.lease.leader',
  '$JS.API.INFO',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.LIST',
  '$JS.ACK.SAMPLES.trainer.1.1.1.1.0',
  '$JS.ACK.RAW_EAST.processor.1.1.1.1.0',
  '$JS.API.CONSUMER.MSG.NEXT.SAMPLES.trainer',
  '$JS.API.CONSUMER.MSG.NEXT.RAW_EAST.processor',
  '$JS.API.CONSUMER.CREATE.SAMPLES.trainer',
  '$JS.API.CONSUMER.CREATE.SAMPLES.trainer-3',
  '$JS.API.CONSUMER.CREATE.RAW_EAST.processor',
  '$JS.API.CONSUMER.DELETE.SAMPLES.trainer',
  '$JS.ACK.DEAD_LETTER.pager.1.1.1.1.0',
  ...['SAMPLES', 'RAW_EAST', 'DEAD_LETTER'].flatMap((stream) => [
    `$JS.API.CONSUMER.NAMES.${stream}`,
    `$JS.API.CONSUMER.LIST.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.pager.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.pager`,
    `$JS.API.CONSUMER.DELETE.${stream}.pager`,
  ]),
  ...streams.flatMap((stream) => [
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.STREAM.DELETE.${stream}`,
    `$JS.API.STREAM.PURGE.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.FC.${stream}.c.t`,
  ]),
];

export const subscribeCatalogue: readonly string[] = [
  ...protocol,
  ...inboxes,
  ...['>', 'starling.>', 'starling.*', '_INBOX.>', '$JS.>', '$JS.API.>', '$JS.ACK.>', '$KV.>'],
  ...['$SYS.>', '_R_.>', '_GR_.>', '$KV.CLUSTER.>', '_INBOX_*.>', '*.*', '*.*.*'],
];

const follows = (stream: string): string[] => [
  `$JS.API.CONSUMER.CREATE.${stream}`,
  `$JS.FC.${stream}.c.t`,
];
const looksUp = (stream: string): string[] => [`$JS.API.STREAM.MSG.GET.${stream}`];
const info = '$JS.API.INFO';
const infoOf = (stream: string): string => `$JS.API.STREAM.INFO.${stream}`;
const watchesKeys = [infoOf('KV_CLUSTER'), ...follows('KV_CLUSTER')];
const inspects = (stream: string): string[] => [
  ...follows(stream),
  ...looksUp(stream),
  infoOf(stream),
];

const snapshotsOf = (site: Site): string[] => [
  `starling.snapshots.${site}.s.o`,
  `starling.snapshots.${site}.model.m.s.o`,
  ...inspects('SNAPSHOTS_TRAIN'),
  ...inspects('SNAPSHOTS_EAST'),
];
const followsFeatures = [
  ...[info, ...follows('FEATURES_EAST')],
  ...['FEATURES_EAST', 'SNAPSHOTS_TRAIN', 'SNAPSHOTS_EAST'].flatMap((stream) => [
    ...looksUp(stream),
    infoOf(stream),
  ]),
];
const works = (stream: string, durable: string): string[] => [
  `$JS.ACK.${stream}.${durable}.1.1.1.1.0`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
  `$JS.API.CONSUMER.CREATE.${stream}.${durable}`,
];
const answers = (...callers: Role[]): string[] => [
  '_INBOX_supervisor.x.y',
  ...callers.map((role) => (role === 'client' ? '_R_.x.y' : `_INBOX_${role}.x.y`)),
];
const clientPublishes = [
  ...['starling.recommend', 'starling.rank', 'starling.status'],
  ...['starling.at.west.recommend', 'starling.at.west.rank'],
  ...['starling.ingest.impression', 'starling.ingest.action', 'starling.ingest.features'],
];

function expect(
  role: Role,
  site: Site,
  publishes: readonly string[],
  subscribes: readonly string[] = [],
): Expectation {
  const isActor = (actorKinds as readonly string[]).includes(role);
  const letters = isActor ? [`starling.dead-letter.${role}`] : [];
  const inbox = role === 'client' ? ['_INBOX.x.y', '_INBOX.>'] : [`_INBOX_${role}.x.y`];
  return { site, publishes: [...publishes, ...letters], subscribes: [...subscribes, ...inbox] };
}

const featureStoreAt = (site: Site): Expectation =>
  expect(
    'feature-store',
    site,
    [
      ...[...followsFeatures, ...answers('processor', 'ranker', 'recommender', 'admin')],
      ...[...follows('FEATURES'), ...looksUp('FEATURES'), infoOf('FEATURES')],
      ...follows(`RAW_${site.toUpperCase()}`),
      ...['ACTIVITY', 'ACTIVITY_EAST'].flatMap((stream) => [
        ...follows(stream),
        ...looksUp(stream),
        infoOf(stream),
      ]),
      ...['starling.kept-changed.east.user', 'starling.kept-changed.train.item'],
      ...[`starling.snapshots.${site}.features.s.o`, 'starling.progress.x'],
    ],
    [
      ...['starling.feature-store.get', 'starling.at.west.feature-store'],
      'starling.feature-store.control.snapshot.train',
      'starling.feature-store.control.snapshot.east',
    ],
  );

/** Notices and commands name the data center of the shard, which need not be that of the server. */
const servingShardAt = (site: Site): Expectation =>
  expect(
    'serving-shard',
    site,
    [
      ...[
        'starling.visible.train.0',
        'starling.visible.east.0',
        'starling.progress.x',
        info,
        ...answers('ranker', 'admin'),
      ],
      ...[...follows('DELTAS_EAST'), ...looksUp('DELTAS_EAST'), ...snapshotsOf(site)],
    ],
    [
      ...['starling.lookup.0', 'starling.at.west.lookup.0'],
      ...['starling.serving.control.snapshot.train.0', 'starling.serving.control.snapshot.east.0'],
      ...['starling.serving.control.digest.train.0', 'starling.serving.control.digest.east.0'],
    ],
  );

/** What it logs goes to the stream of the server's data center. */
const rankerAt = (site: Site): Expectation =>
  expect(
    'ranker',
    site,
    [
      ...['starling.ingest.impression', 'starling.feature-store.get', 'starling.lookup.0'],
      ...['starling.at.west.feature-store', 'starling.at.west.lookup.0'],
      ...(site === 'east' ? ['starling.raw.east.impression'] : []), // That of train is not in the catalogue.
      ...[...follows('DENSE_EAST'), ...follows('SETTINGS_EAST')],
      // Whether another model is there they ask its rankers.
      'starling.at.west.ranker.main',
      ...answers('recommender', 'ranker', 'client', 'admin'),
    ],
    [
      ...['starling.rank', 'starling.at.west.rank', 'starling.features-changed.user'],
      ...['starling.ranker.main', 'starling.at.west.ranker.main'],
      ...['starling.kept-changed.east.user', 'starling.kept-changed.train.item'],
    ],
  );

const recommenderAt = (site: Site): Expectation =>
  expect(
    'recommender',
    site,
    [
      ...['starling.rank', 'starling.at.west.rank', 'starling.ingest.impression'],
      ...['starling.ranker.main', 'starling.at.west.ranker.main'],
      ...(site === 'east' ? ['starling.raw.east.impression'] : []), // As of rankers.
      ...['starling.feature-store.get', 'starling.at.west.feature-store'],
      ...[...followsFeatures, ...follows('SETTINGS_EAST'), ...answers('client', 'admin')],
    ],
    ['starling.recommend', 'starling.at.west.recommend', 'starling.popular'],
  );

/** Actors of `east` whose server is gone, on the server of another data center. */
export const guests: Readonly<Partial<Record<Role, Expectation>>> = {
  'feature-store': featureStoreAt('train'),
  'serving-shard': servingShardAt('train'),
  ranker: rankerAt('train'),
  recommender: recommenderAt('train'),
};

export const expectations: Readonly<Record<Exclude<Role, 'supervisor'>, Expectation>> = {
  processor: expect(
    'processor',
    'train',
    [
      ...['starling.join.0', 'starling.features.user', 'starling.feature-store.get', info],
      ...['starling.features-changed.user', ...works('RAW_EAST', 'processor')],
      ...[...followsFeatures, ...follows('FEATURES'), ...looksUp('FEATURES'), infoOf('FEATURES')],
      ...watchesKeys,
    ],
    [
      ...['starling.features-changed.user', 'starling.popular'],
      ...['starling.kept-changed.east.user', 'starling.kept-changed.train.item'],
    ],
  ),
  joiner: expect(
    'joiner',
    'train',
    [
      ...['starling.join.0', 'starling.samples.0', 'starling.activity.0', 'starling.popular'],
      ...['starling.snapshots.train.windows.s.o', 'starling.progress.x'],
      ...[info, ...answers('admin')],
      ...[...follows('JOIN'), ...looksUp('SAMPLES'), ...looksUp('SNAPSHOTS_TRAIN')],
      ...[infoOf('JOIN'), infoOf('SNAPSHOTS_TRAIN'), ...watchesKeys],
    ],
    [
      ...['starling.joiner.0.close', 'starling.joiner.0.snapshot', 'starling.joiner.0.release'],
      'starling.joiner.0.import',
    ],
  ),
  'feature-store': featureStoreAt('east'),
  'ps-shard': expect(
    'ps-shard',
    'train',
    [
      ...[
        'starling.deltas.weights.main.0',
        'starling.deltas.rows.main.0',
        'starling.progress.x',
        info,
        ...answers('trainer', 'admin'),
      ],
      ...[...follows('DELTAS'), ...looksUp('DELTAS'), ...snapshotsOf('train'), ...watchesKeys],
      ...['$KV.CLUSTER.partition.0', '$KV.CLUSTER.lease.leader'],
    ],
    [
      'starling.ps.pull.0',
      'starling.ps.push.0',
      'starling.ps.control.snapshot.0',
      'starling.ps.control.release.0',
      'starling.ps.control.digest.0',
    ],
  ),
  'dense-shard': expect(
    'dense-shard',
    'train',
    [
      ...[
        'starling.dense-log.version.main',
        'starling.dense-log.state.main',
        'starling.dense-log.state-part.main.0',
        'starling.deltas.dense.main',
        info,
      ],
      ...[...answers('trainer'), ...looksUp('DENSE'), ...follows('DELTAS')],
      ...[...snapshotsOf('train'), '$KV.CLUSTER.lease.leader', ...watchesKeys],
    ],
    [
      ...['starling.dense.pull.main', 'starling.dense.push.main', 'starling.dense.durable.main'],
      'starling.dense.control.restore.main',
    ],
  ),
  trainer: expect('trainer', 'train', [
    ...['starling.ps.pull.0', 'starling.ps.push.0'],
    ...[
      'starling.dense.pull.main',
      'starling.dense.push.main',
      'starling.dense.durable.main',
      info,
    ],
    ...[...works('SAMPLES', 'trainer'), ...watchesKeys],
    '$JS.API.CONSUMER.CREATE.SAMPLES.trainer-3',
  ]),
  'serving-shard': servingShardAt('east'),
  ranker: rankerAt('east'),
  recommender: recommenderAt('east'),
  client: expect('client', 'east', clientPublishes),
  admin: expect(
    'admin',
    'east',
    [
      ...[...clientPublishes, 'starling.feature-store.get', 'starling.operate.scale', info],
      ...['starling.ingest.erase', 'starling.hosts.profile.h1'],
      ...['starling.ps.control.digest.0', 'starling.serving.control.digest.train.0'],
      'starling.serving.control.digest.east.0',
      ...['starling.join.0', 'starling.joiner.0.import', 'starling.samples.retried.letters'],
      ...['starling.raw.east.impression', 'starling.raw.east.action'],
      ...['starling.snapshots.train.s.o', 'starling.snapshots.east.s.o'],
      ...['starling.snapshot-manifests.train.s', 'starling.snapshot-manifests.east.s'],
      ...['$JS.API.STREAM.PURGE.SNAPSHOTS_TRAIN', '$JS.API.STREAM.PURGE.SNAPSHOTS_EAST'],
      ...['$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST'],
      ...['SAMPLES', 'RAW_EAST', 'DEAD_LETTER'].flatMap((stream) => [
        `$JS.API.CONSUMER.NAMES.${stream}`,
        `$JS.API.CONSUMER.LIST.${stream}`,
      ]),
      // Other streams have consumers that are somebody's.
      '$JS.API.CONSUMER.CREATE.DEAD_LETTER.pager.>',
      '$JS.API.CONSUMER.MSG.NEXT.DEAD_LETTER.pager',
      '$JS.API.CONSUMER.DELETE.DEAD_LETTER.pager',
      '$JS.ACK.DEAD_LETTER.pager.1.1.1.1.0',
      ...streams.flatMap(inspects),
    ],
    ['starling.visible.train.0', 'starling.visible.east.0', 'starling.progress.x'],
  ),
};
