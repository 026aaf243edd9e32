import { z } from 'zod';
import { dataCenterRoles } from './data-centers.js';
import { durationMsOf } from './duration.js';
import { integer, number, oneOf, positive, section, token } from './fields.js';
import { headsSchema, networkCodeSchema, networkSchema } from './network-schema.js';
import { rowsSchema, scheduleSchema, slotsSchema } from './rows-schema.js';

/**
 * The sections of the configuration other than the features, each field with its default and its meaning. The meaning
 * says what happens when a number is too low and too high; defaults suit one laptop and are made to be overridden.
 */
const second = 1000;
const minute = 60 * second;
const day = 24 * 60 * minute;
const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const idRange = { min: 0, max: 2 ** 32 - 1 };
const duration = { min: 1, max: day };

export const dataCenterSchema = section({
  name: token('Part of subjects, stream names and folders.'),
  role: oneOf(
    dataCenterRoles,
    'The training data center holds tables and trainers, an inference one answers requests from copies. all: both, for a cluster on one server; it has no copies of its own logs, and nobody answers in its place.',
  ),
  servers: z
    .union([z.literal(1), z.literal(3), z.literal(5)], { error: 'expected 1, 3 or 5' })
    .default(1)
    .describe(
      'NATS servers of a deployment on several hosts; `starling up` starts one. With 1, its streams are away while that server is. From 3 on each stream has three copies, and any one server may be lost; every acknowledgement then waits for a second disk. 5 spreads the load, and survives more.',
    ),
});

const denseSchema = section({
  clipNorm: number(
    { min: 0, max: 1e6 },
    'A longer gradient of the network is scaled down to this length; 0: none is. Healthy ones are shorter than 1. Too low: all steps are alike. Too high: one odd batch moves the network far.',
  ).default(10),
  weightDecay: number(
    { min: 0, max: 1 },
    'Each step takes this share of the learning rate off all numbers of the network, beside what it learns (AdamW). Too low: it overfits what it has seen often. Too high: nothing learned stays. Rows have their own, `model.rows.weightDecay`.',
  ).default(0),
  learningRate: positive(
    1,
    'Of Adam. Too low: the network lags behind the rows. Too high: the loss jumps or becomes NaN.',
  ).default(0.001),
  schedule: scheduleSchema
    .optional()
    .describe(
      'How the learning rate changes with the steps of the network. Left out: it does not. A stream never ends: let a decay keep a floor.',
    ),
  beta1: number(
    { min: 0, max: 0.9999 },
    'Memory of the mean gradient. Too low: noisy steps; too high: slow to turn when taste drifts.',
  ).default(0.9),
  beta2: number(
    { min: 0, max: 0.99999 },
    'Memory of the squared gradient. Too low: unsteady step sizes; too high: slow to adapt them.',
  ).default(0.999),
  epsilon: positive(
    1,
    'Keeps the division finite. Too high acts as a lower learning rate.',
  ).default(1e-8),
});

export const modelSchema = section({
  network: networkSchema,
  networkCode: networkCodeSchema,
  factorDim: integer(
    { min: 1, max: 256 },
    'Numbers per row. Too low: tastes that differ look alike. Too high: memory, wire and training cost grow with it, and rare rows overfit.',
  ).default(16),
  hidden: z
    .array(integer({ min: 1, max: 4096 }, 'Units of one hidden layer.'), {
      error: 'expected a list of layer widths such as [64, 32]',
    })
    .max(8, { error: 'expected at most 8 layer widths' })
    .default([64])
    .describe(
      'Widths of the hidden layers, input side first; not used by fm. Too small underfits; each request and each training step pays for every unit.',
    ),
  heads: headsSchema,
  layerNorm: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .describe(
      'Whether hidden layers are normalised, each row for itself: deep ones learn more steadily. Rankers can keep nothing of items then.',
    ),
  dropout: number(
    { min: 0, max: 0.9 },
    'Share of the hidden units that are left out in each step, others each time; none where it is scored. Too low: hidden layers learn single people by heart. Too high: they learn slowly. Figures from before the label are of steps, so they are lower by what is left out.',
  ).default(0),
  labelSmoothing: number(
    { min: 0, max: 0.5 },
    'Outcomes are learned as a little less than certain: so much of each label is a half. Chances come out nearer to a half than they are; calibration takes most of it back. Too high: nothing is told apart.',
  ).default(0),
  rows: rowsSchema.prefault({}).describe('Embedding rows of all features.'),
  slots: slotsSchema,
  dense: denseSchema.prefault({}).describe('The optimizer of the network.'),
  seed: integer(idRange, 'Initial values are a function of it; any number is as good.').default(42),
  backend: oneOf(
    ['auto', 'kernels', 'tensorflow', 'tfjs-node', 'wasm', 'cpu'],
    'kernels: our own, in WebAssembly. tensorflow: libtensorflow, a step as one graph (`starling setup-tensorflow`). tfjs-node, wasm and cpu are those of TensorFlow.js, one operation at a time. auto takes kernels, or tensorflow where it is there and faster for this model on this machine (measured once, a second). A named one that does not load, or lacks what the network is made of, is an error.',
  ).default('auto'),
});

const count = (max: number, meaning: string) => integer({ min: 1, max }, meaning);

/** Keys are the actor kinds, spelled as their folders and their rows in `starling status`. */
export const actorsSchema = section({
  processor: count(64, 'Too few: raw events queue up. Too many: idle processes.').default(1),
  joiner: count(
    64,
    'Each joins its share of the people. Too few: samples lag behind events.',
  ).default(1),
  'feature-store': count(
    16,
    'In each data center. One has no replica to turn to when it restarts.',
  ).default(1),
  'ps-shard': count(
    256,
    'Each owns some partitions. Too few: rows outgrow memory. Too many: each batch becomes many small messages.',
  ).default(2),
  'dense-shard': integer(
    { min: 1, max: 1 },
    'One: the network is small, and its steps are taken in one order.',
  ).default(1),
  trainer: count(
    64,
    'Too few: samples queue up. Too many: gradients are taken from rows that have moved on since.',
  ).default(1),
  'serving-shard': count(
    64,
    'In each inference data center, each with its share of the rows. Too few: rows outgrow memory. Too many: each request becomes many small lookups.',
  ).default(1),
  ranker: count(
    256,
    'In each inference data center. One leaves requests without an answer while it restarts.',
  ).default(2),
  recommender: count(
    256,
    'In each inference data center. With one, requests cross to another data center while it restarts.',
  ).default(1),
});

export const joiningSchema = section({
  windowMs: integer(
    { min: 1, max: 30 * day },
    'Event time an impression waits for its action. Too short: late clicks count as negatives. Too long: negatives are learned late, and more impressions are open.',
  ).default(30 * minute),
  latenessMs: integer(
    { min: 0, max: day },
    'How far behind the newest event another may come and still be in time. Too low: stragglers miss their window. Too high: every negative waits longer.',
  ).default(10 * second),
  negativeSamplingRate: number(
    { min: 1e-6, max: 1 },
    'Share of negatives that are trained on; serving corrects the scores. Too low: the model forgets what is disliked. 1 costs most.',
  ).default(1),
  partitions: count(
    64,
    'Parts that people are divided into, each joined by one joiner, for the life of the cluster. Left out: as many as joiners. More: joiners can be added later, up to as many. Too many: small messages.',
  ).optional(),
  memoryOpenMax: integer(
    { min: 1, max: 100_000_000 },
    'Open impressions held in memory; the others wait on disk, 50 bytes of each in memory. Too low: most joins read the disk.',
  ).default(100_000),
  logMs: integer(
    { min: second, max: 400 * day },
    'How long JOIN keeps what is not trimmed behind snapshots of the windows. At least the longest window and the lateness, which is refused otherwise: a window that finds no snapshot is made anew from it. Left out: three days, or twice as much as that if it is longer. Too long: disk, where no snapshots can be taken.',
  ).optional(),
  idleMs: integer(
    duration,
    'After so long without an event, event time goes on with the clock, so that a quiet stream still emits its negatives. Too low: a pause of the sender closes windows early.',
  ).default(10 * second),
});

export const syncSchema = section({
  sparseMsMax: integer(
    { min: 1, max: 10 * minute },
    'Longest wait before changed rows are published, under load; a quiet shard publishes at once. Too low: many small deltas. Too high: serving is stale.',
  ).default(second),
  denseMsMax: integer(
    { min: 1, max: day },
    'Longest wait before a changed network is published. Too low: the log fills with versions. Too high: the network lags behind its rows.',
  ).default(second),
  flushRowsMax: integer(
    { min: 1, max: 1_000_000 },
    'Rows in one delta message. Too low: overhead for each. Too high: the message exceeds the payload limit, and followers stall on it.',
  ).default(8192),
});

export const snapshotsSchema = section({
  everyMs: integer(
    { min: second, max: 30 * day },
    'Between two snapshots. Too low: rows are written for nothing. Too high: the log grows long, and so does a recovery.',
  ).default(10 * minute),
  logRecordsMax: integer(
    { min: 1_000, max: 2 ** 40 },
    'With more records than this in the log behind the newest snapshot, and more than take as long to apply as that snapshot, the next one is taken early. Too low: rows are written for nothing. Too high: who recovers takes long, and the processor from those who serve.',
  ).default(20_000),
  keep: integer(
    { min: 2, max: 1000 },
    'The newest that are kept; the log reaches back to the oldest of them. One would leave nothing to turn to when it is damaged. Too high: disk.',
  ).default(6),
  bytesPerSecondMax: integer(
    { min: mebibyte, max: 2 ** 40 },
    'Of one shard. Too low: a snapshot is not done before the next is due. Too high: who pulls rows meanwhile waits behind it.',
  ).default(64 * mebibyte),
  directory: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A folder that every host of a data center sees, instead of a stream; clusters of different names may share it. A stream is replicated as the others are.',
    ),
});

export const trainingSchema = section({
  batchRowsMax: integer(
    { min: 1, max: 65_536 },
    'Samples in one step. Too low: messages and op overhead dominate. Too high: steps take long, and few steps are taken.',
  ).default(1024),
  batchRowsLagging: integer(
    { min: 1, max: 65_536 },
    'Samples in one step while more than four full steps wait: larger steps take less time for each sample, and are fewer. Left out: four times batchRowsMax. As batchRowsMax: it never changes. Too high: a backlog is learned in few coarse steps.',
  ).optional(),
  stalenessMax: integer(
    { min: 0, max: 1_000_000 },
    'With several trainers: how many steps of others may have been taken since the network was read that a step was computed with. One that is older is computed anew. 0: no bound. Too low: trainers compute for each other in vain; at least twice as many as there are trainers. Too high: a trainer that stood still tells what was true before.',
  ).default(256),
  inFlightMax: integer(
    { min: 1, max: 1024 },
    'Batches trained but not yet durable. 1: the trainer waits for every flush. Too high: more is recomputed after a crash.',
  ).default(16),
  ackWaitMs: integer(
    { min: 100, max: 10 * minute },
    'So long after a trainer died, another one gets its batches. Too low: those of a trainer that only paused are computed twice. Too high: a crash delays its batches.',
  ).default(3 * second),
  explosionFactor: number(
    { min: 0, max: 1e12 },
    'A step whose gradient is longer than so many times what is usual is not taken: the samples that make it so are dead letters, and the others are learned. 0: none is too long. Too low: odd samples are dead letters. Too high: one wild value moves the model far.',
  ).default(1000),
  calibrationMax: number(
    { min: 0, max: 1000 },
    'Where an outcome is predicted so many times as often as it comes, or as much less often, for `alarmAfterMs`, the leader raises an alarm; 0: it does not. At least 1. Too low: chance raises it.',
  ).default(1.5),
  driftMax: number(
    { min: 0, max: 100 },
    'Where the population stability index of a feature is above it, the leader raises an alarm: its values are others than before. 0: it does not. By custom 0.1 is a small change and 0.25 a large one.',
  ).default(0.25),
  alarmAfterMs: integer(
    { min: 0, max: 7 * day },
    'How long calibration must be out of its bounds before that is an alarm, and within them before it is none. Too short: what flickers is told. Too long: it is told late.',
  ).default(10 * minute),
  deliveriesMax: integer(
    { min: 1, max: 100 },
    'A batch delivered so often and never finished is a dead letter. Too low: bad luck loses samples. Too high: poison keeps crashing trainers.',
  ).default(5),
});

const withinError = "expected a duration such as '30m', '12h' or '30d'";

export const excludeSchema = section({
  events: z
    .array(z.string(), { error: 'expected a list of types of events' })
    .optional()
    .describe('Types of events; those that are hoped for if left out, none if empty.'),
  within: z
    .string({ error: withinError })
    .refine((text) => durationMsOf(text) !== undefined, { error: withinError })
    .default('30m')
    .describe(
      'How long ago. Too short: what was bought a moment ago is offered again. Too long: little is left to offer to who does much.',
    ),
})
  .prefault({})
  .describe(
    'Items that are left out of answers, since the person did something with them; a request may say it otherwise.',
  );

export const servingSchema = section({
  candidatesMax: integer(
    { min: 1, max: 100_000 },
    'Candidates in one request. More are refused, since one request would hold up the others.',
  ).default(10_000),
  kMax: integer({ min: 1, max: 10_000 }, 'Items in one answer. More are refused.').default(1000),
  deadlineMs: integer(
    { min: 1, max: minute },
    'Time for one ranking; less for a caller who waits less. Too low: answers degrade on a busy host. Too high: callers who do not say how long they wait do so for what is not coming.',
  ).default(2 * second),
  hedgeMs: integer(
    { min: 1, max: minute },
    'A request within the cluster that is not answered by then is sent to another data center too; of all requests, at most about one in ten. Too low: much is asked twice for nothing. Too high: users wait for a replica that hangs.',
  ).default(150),
  exploration: number(
    { min: 0, max: 1 },
    'Share of places given to a random candidate. 0: an item never shown is never learned. Too high: users see noise.',
  ).default(0.05),
  recentItems: integer(
    { min: 0, max: 100_000 },
    'Newest items among the candidates of every request. Too low: new items wait to be found. Too high: ranking costs more.',
  ).default(200),
  popularItems: integer(
    { min: 0, max: 100_000 },
    'Most liked recent items among the candidates of every request. Too low: little to offer to unknown users. Too high: ranking costs more.',
  ).default(300),
  exclude: excludeSchema,
  p99BudgetMs: integer(
    { min: 1, max: 10 * minute },
    'A data center whose p99 stays above is drained if another one is clearly faster; below half of it, it is fine again. Too low: ordinary load takes data centers out. Above twice deadlineMs: nothing is ever slow.',
  ).default(second),
  freshnessBudgetMs: integer(
    { min: 1, max: day },
    'A data center that gets what is learned so much later is drained if another one gets it clearly sooner; below half of it, it is fine again. Too low: a restart of its link takes it out. Too high: users are served from old rows.',
  ).default(30 * second),
});

const processesSchema = z
  .union([z.literal('each'), z.int().min(1).max(256)], {
    error: "expected 'each', or a number of processes, 1 to 256",
  })
  .describe(
    "Processes that the actors of a data center share on each host; 'each': every actor has its own. What ends a process ends all actors in it. Too few: one fault takes more of the data center along, and its actors have fewer cores. Too many: each costs some 50 MB, and a share of a second of processor to start.",
  );

export const supervisionSchema = section({
  heartbeatMs: integer(
    { min: 10, max: minute },
    'Too low: traffic and wake-ups. Too high: a hung actor is noticed late.',
  ).default(500),
  suspectAfterMs: integer(
    { min: 50, max: 10 * minute },
    'Silence after which an actor is replaced. Too low: a long pause looks like a crash. Too high: the outage lasts longer.',
  ).default(5 * second),
  restartsMax: integer(
    { min: 0, max: 1000 },
    'Restarts within restartsWindowMs before the supervisor gives up and escalates. Too low: a short outage ends the cluster. Too high: a hopeless actor hides.',
  ).default(10),
  restartsWindowMs: integer(
    { min: 1, max: day },
    'The window of restartsMax. Too short never escalates; too long counts what is long past.',
  ).default(minute),
  processes: processesSchema.default(2),
  strategy: oneOf(
    ['one-for-one', 'rest-for-one', 'all-for-one'],
    'Who in its data center is restarted with an actor that crashed: nobody, those started after it, or all. Too few: somebody keeps talking to what is gone, if it can not wait for it. Too many: one crash is an outage of the data center.',
  ).default('one-for-one'),
  groupRestartsMax: integer(
    { min: 1, max: 100_000 },
    'Crashes of all actors of a data center within restartsWindowMs before all of them are stopped for a while. Too low: a few faults at once stop the data center. Too high: actors that end each other burn CPU.',
  ).default(100),
  backoffMs: section({
    base: integer(
      { min: 1, max: minute },
      'First wait before a restart, doubled each time. Too low: restarts pile up on what is down. Too high: a single crash hurts.',
    ).default(100),
    max: integer(
      { min: 1, max: 10 * minute },
      'Longest wait. Too high: an actor stays away long after the cause is gone.',
    ).default(5 * second),
  })
    .prefault({})
    .describe('Waits between restarts of one actor.'),
  leaseMs: integer(
    { min: 50, max: 10 * minute },
    'A parameter server that could not renew its lease for so long refuses, and a standby takes its place. Too low: a pause for garbage collection moves partitions. Too high: a hung owner is replaced late.',
  ).default(800),
  hostLeaseMs: integer(
    { min: 200, max: 10 * minute },
    'A host that was not heard of for so long is given up, and its actors run elsewhere; if it led the cluster, another host leads. Too low: a busy network moves actors for nothing. Too high: they are missed for longer.',
  ).default(2_500),
  calmMs: integer(
    { min: 0, max: day },
    'How long a host must have been there before actors are moved to it for balance. Too low: a host that comes and goes takes actors along. Too high: the others carry its share for longer.',
  ).default(10 * second),
  orphanMs: integer(
    { min: 0, max: day },
    'An actor whose supervisor was killed goes on for so long and waits for the next one, which takes it over as it is. Too low: a supervisor that is restarted starts all actors anew. Too high: a cluster that nobody starts again goes on unsupervised. 0: it leaves at once.',
  ).default(15 * second),
  drainAfterMs: integer(
    { min: 0, max: day },
    'How long a data center may be slow or stale before it is drained. Below 8 seconds one slow request is enough, as latencies are remembered for so long. Too high: users wait on what is known to be slow.',
  ).default(10 * second),
  rejoinAfterMs: integer(
    { min: 0, max: day },
    'How long a data center that was drained by itself must be fine before it is taken back; doubled when it is soon drained again. Too low: it goes in and out. Too high: the others carry its load for longer than needed.',
  ).default(15 * second),
  drainMs: integer(
    { min: 0, max: 10 * minute },
    'Time to finish work before an actor is stopped by force. Too low: work is redone by others. Too high: stopping takes long.',
  ).default(5 * second),
});

const portSchema = integer(
  { min: 1024, max: 65_000 },
  'The first port; the servers take the ones that follow. Below 1024 needs privileges.',
);

const pemFile = (meaning: string) =>
  z.string({ error: 'expected the path of a PEM file' }).min(1).describe(meaning);

const tlsSchema = section({
  ca: pemFile('The authority whose signatures are believed.'),
  cert: pemFile('Shown to the other side; servers that the cluster starts need one.').optional(),
  key: pemFile('The private key of cert.').optional(),
});

export const natsSchema = section({
  ports: z
    .union([z.literal('auto'), section({ base: portSchema })], {
      error: "expected 'auto' or {base: port}",
    })
    .default('auto')
    .describe('auto takes free ports; name a base where clients must know them beforehand.'),
  payloadBytesMax: integer(
    { min: mebibyte, max: 64 * mebibyte },
    'Largest message; more where the network needs it. Too low: large batches are split more. Too high: one message holds up the others on a connection.',
  ).default(8 * mebibyte),
  storageBytesMax: integer(
    { min: 64 * mebibyte, max: 2 ** 50 },
    'Disk for the streams of one data center. When it is used up, events are refused until there is room.',
  ).default(10 * gibibyte),
  freeBytesMin: integer(
    { min: 16 * mebibyte, max: 2 ** 50 },
    'Disk kept back: with less than this free, events are refused until there is more, and all else goes on. Too low: a burst fills the disk before anybody looks, and the servers stop. Too high: events are refused with room left.',
  ).default(256 * mebibyte),
  syncAlways: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .describe(
      'Flush the disk before each acknowledgement; a setting of the whole server, from nats-server 2.10 on. False: a power cut may lose what was acknowledged in the last two minutes (of all copies at once, where there are three). True: each message waits for the disk.',
    ),
  tls: z
    .union([z.literal('off'), tlsSchema], {
      error: "expected 'off' or {ca, cert, key}, paths of PEM files",
    })
    .default('off')
    .describe('off is for servers on this host alone: what is sent can be read on the way.'),
});

export const simulationSchema = section({
  users: integer(
    { min: 1, max: 10_000_000 },
    'Too few are soon learned by heart; too many are rarely seen twice.',
  ).default(1000),
  items: integer(
    { min: 2, max: 10_000_000 },
    'Too few leave nothing to choose; too many are rarely seen twice.',
  ).default(500),
  requestsPerSecond: positive(
    100_000,
    'Too low: learning takes long to show. Too high for the host: requests queue up.',
  ).default(20),
  factorDim: integer(
    { min: 1, max: 64 },
    'Dimensions of the true taste. Above model.factorDim, the model can not express it.',
  ).default(4),
  slateSize: integer(
    { min: 1, max: 1000 },
    'Items shown in one answer. Too few: little to learn from each request.',
  ).default(10),
  driftPerSecond: number(
    { min: 0, max: 1 },
    'How fast tastes wander. 0: learning once is enough. Too high: nothing learned stays true.',
  ).default(0.001),
  seed: integer(idRange, 'The same seed gives the same audience.').default(1),
});
