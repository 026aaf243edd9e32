import { beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError, codeOf } from '../../core/base/errors.js';
import type { PushOutcome } from '../../messages/parameters.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { outcomesOf } from '../../messages/outcomes.js';
import { noProgress } from '../../messages/progress-marks.js';
import type { Samples } from '../../messages/samples.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import { BatchQueue } from './batch-queue.js';
import { BatchTeacher } from './batch-teacher.js';
import type { Taught } from './learner.js';

/** Of a batch of as many samples. */
const samplesOf = (count: number): Samples => ({
  ...{ specHash: '', resolved: 0, facts: noFacts, progress: noProgress },
  requestIds: new Array<string>(count).fill('r'),
  users: new Array<string>(count).fill('u'),
  items: Array.from({ length: count }, (_unused, i) => `i${i}`),
  outcomes: outcomesOf(new Float32Array(count)),
  sampleRates: new Float32Array(count),
  scores: new Float32Array(count),
  atMs: new Float64Array(count),
  acceptedAtMs: new Float64Array(count),
  examples: {
    ...{ rowCount: count, slotCount: 0, denseCount: 0, offsets: new Uint32Array(1) },
    ...{ fids: new Uint32Array(0), dense: new Float32Array(0) },
  },
});

const poison = new StarlingError('NOT_FINITE', 'gradients are not finite');

/** First byte of a batch that only the next process can read. */
const newer = 255;
/** Of a step, what only its learner looks at. */
const nothing = {
  samples: samplesOf(0),
  ...{ labels: new Float32Array(0), weights: new Float32Array(0), said: new Float32Array(0) },
  pulling: undefined,
};

let said: string[];
/** Groups whose rows were asked for. */
let begun: string[];
let queue: BatchQueue;
let teacher: BatchTeacher;
/** What becomes of a group, by its sequences. */
let outcome: (group: string, samples: Samples) => PushOutcome | Error;
/** Rows of a batch that spoil it. */
let spoilt: readonly number[];
/** Steps whose shards have not answered yet. */
let pending: (() => void)[] | undefined;

function messageOf(sequence: number, deliveries = 1): WorkMessage {
  return {
    ...{ subject: 'starling.samples.0', sequence, deliveries, atMs: 0 },
    bytes: Uint8Array.of(3),
    header: () => undefined,
    ack: () => void said.push(`ack ${sequence}`),
    nak: () => void said.push(`nak ${sequence}`),
  };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  said = [];
  begun = [];
  pending = undefined;
  outcome = () => 'applied';
  spoilt = [];
  queue = new BatchQueue(10);
  const taught = (group: string, samples: Samples): Taught => {
    const rows = samples.items.length;
    const result = outcome(group, samples);
    if (result === poison) throw poison;
    const settled = (async (): Promise<PushOutcome> => {
      if (pending) await new Promise<void>((resolve) => pending!.push(resolve));
      if (result instanceof Error) throw result;
      return result;
    })();
    return { rows, loss: rows, settled, pullMs: 1, computeMs: 2 };
  };
  teacher = new BatchTeacher({
    learner: {
      begin: (group) => {
        const name = group.map(({ message }) => message.sequence).join('+');
        begun.push(name);
        const [first] = group;
        return { ...nothing, group, ...(group.length === 1 ? { samples: first!.samples } : {}) };
      },
      learn: async ({ group }) => {
        const name = group.map(({ message }) => message.sequence).join('+');
        const rows = group.reduce((sum, { samples }) => sum + samples.items.length, 0);
        said.push(`learn ${name}`);
        return taught(name, samplesOf(rows));
      },
      poisonIn: async () => spoilt,
      enter: async ([batch]) => {
        said.push(`enter ${batch!.message.sequence}`);
        return taught(`entered ${batch!.message.sequence}`, samplesOf(0));
      },
    },
    queue,
    parse: (bytes) => {
      if (bytes[0] === 0) throw new StarlingError('BAD_MESSAGE', 'damaged');
      if (bytes[0] === newer)
        throw new StarlingError('SPEC_MISMATCH', 'of a configuration to come');
      return samplesOf(bytes[0]!);
    },
    noSamples: samplesOf(0),
    bury: async ({ message, samples }, error, isPart = false) => {
      if (codeOf(error) === 'SPEC_MISMATCH') throw error;
      said.push(`bury ${isPart ? `${samples.items.join('+')} of ` : ''}${message.sequence}`);
    },
    crash: () => void said.push('crash'),
    log: { warn: () => undefined },
    nowMs: () => 0,
    turn: async () => undefined,
    inFlightMax: 2,
    deliveriesMax: 3,
  });
});

/** Runs until the queue is empty. */
async function run(): Promise<void> {
  const running = teacher.run();
  for (let i = 0; i < 10; i++) await tick();
  queue.close();
  await running;
  await teacher.settled();
}

describe('a teacher', () => {
  test('teaches what waits in one step, and acknowledges it once it is durable', async () => {
    for (const sequence of [1, 2]) teacher.receive(messageOf(sequence));
    await run();
    expect(said).toEqual(['learn 1+2', 'ack 1', 'ack 2']);
    expect(teacher.counts).toMatchObject({ samples: 6, batches: 2, steps: 1 });
    expect(teacher.loss).toBe(6);
  });

  test('has a batch that was delivered again while it waited in the step once', async () => {
    for (const [sequence, deliveries] of [
      [1, 1],
      [2, 1],
      [1, 2],
    ] as const)
      teacher.receive(messageOf(sequence, deliveries));
    await run();
    expect(said).toEqual(['learn 1+2', 'ack 1', 'ack 2']);
    expect(teacher.counts).toMatchObject({ samples: 6, batches: 2, steps: 1 });
  });

  test('counts a batch that was there already, and not its samples', async () => {
    outcome = () => 'duplicate';
    teacher.receive(messageOf(1));
    await run();
    expect(said).toEqual(['learn 1', 'ack 1']);
    expect(teacher.counts).toMatchObject({ samples: 0, batches: 1 });
  });

  test('teaches a group of which some were there already one by one', async () => {
    outcome = (group) => (group === '1+2' ? 'mixed' : group === '1' ? 'duplicate' : 'applied');
    for (const sequence of [1, 2]) teacher.receive(messageOf(sequence));
    await run();
    expect(said).toEqual(['learn 1+2', 'learn 1', 'ack 1', 'learn 2', 'ack 2']);
    expect(teacher.counts).toMatchObject({ samples: 3, batches: 2 });
  });

  test('gives back what could not be made durable', async () => {
    outcome = () => new StarlingError('FENCED', 'another owner');
    teacher.receive(messageOf(1, 9));
    await run();
    expect(said).toEqual(['learn 1', 'nak 1']);
    expect(teacher.counts.retried).toBe(1);
  });

  test('buries what fails again and again for no known reason, and enters it in the ledgers', async () => {
    outcome = (group) => (group.startsWith('entered') ? 'applied' : new Error('not finite'));
    teacher.receive(messageOf(1, 3));
    teacher.receive(messageOf(2, 1));
    await run();
    expect(said).toEqual(['learn 1+2', 'bury 1', 'enter 1', 'ack 1', 'nak 2']);
    expect(teacher.counts).toMatchObject({ deadLettered: 3, retried: 1 });
  });

  test('buries what spoils a step at once, by itself, and learns all else', async () => {
    spoilt = [1];
    // A batch of three of which one is poison; with two it is not.
    outcome = (group, { items }) =>
      group.split('+').includes('2') && items.length !== 2 ? poison : 'applied';
    for (const sequence of [1, 2, 3]) teacher.receive(messageOf(sequence));
    await run();
    expect(said).toEqual([
      ...['learn 1+2+3', 'learn 1', 'ack 1', 'learn 2', 'learn 2', 'bury i1 of 2', 'ack 2'],
      ...['learn 3', 'ack 3'],
    ]);
    expect(teacher.counts).toMatchObject({ samples: 8, batches: 3, deadLettered: 1, retried: 0 });
  });

  test('buries a batch as a whole where all of it is poison, and enters it in the ledgers', async () => {
    spoilt = [0, 1, 2];
    outcome = (group) => (group === '1' ? poison : 'applied');
    teacher.receive(messageOf(1));
    await run();
    expect(said).toEqual(['learn 1', 'learn 1', 'bury 1', 'enter 1', 'ack 1']);
    expect(teacher.counts).toMatchObject({ samples: 0, deadLettered: 3, retried: 0 });
  });

  test('waits with its samples where it is not they that are broken', async () => {
    outcome = () => new StarlingError('MODEL_NOT_FINITE', 'the network is not finite');
    teacher.receive(messageOf(1, 9));
    await run();
    expect(said).toEqual(['learn 1', 'nak 1']);
  });

  test('gives back what it could not bury: nothing is lost', async () => {
    outcome = () => new Error('the shard is away');
    teacher.receive(messageOf(1, 3));
    await run();
    expect(said).toEqual(['learn 1', 'bury 1', 'enter 1', 'nak 1']);
  });

  test('buries what can not be read without a step', async () => {
    teacher.receive({ ...messageOf(1), bytes: Uint8Array.of(0) });
    await run();
    expect(said).toEqual(['bury 1', 'enter 1', 'ack 1']);
  });

  test('gives back what only the next process can read, and ends', async () => {
    teacher.receive({ ...messageOf(1), bytes: Uint8Array.of(newer) });
    await run();
    expect(said).toEqual(['nak 1', 'crash']);
  });

  test('asks for the rows of a step while the one before it computes, if its samples wait, and for no more', async () => {
    const full = Uint8Array.of(10);
    for (const sequence of [1, 2, 3]) teacher.receive({ ...messageOf(sequence), bytes: full });
    const found: string[] = [];
    outcome = (group) => {
      found.push(`${group} of ${begun.join()}`);
      return 'applied';
    };
    await run();
    expect(found).toEqual(['1 of 1,2', '2 of 1,2,3', '3 of 1,2,3']);
    expect(said).toEqual(['learn 1', 'ack 1', 'learn 2', 'ack 2', 'learn 3', 'ack 3']);
  });

  test('ends with what it has begun', async () => {
    const full = Uint8Array.of(10);
    for (const sequence of [1, 2, 3]) teacher.receive({ ...messageOf(sequence), bytes: full });
    outcome = () => {
      queue.close();
      return 'applied';
    };
    await run();
    expect(said).toEqual(['learn 1', 'ack 1', 'learn 2', 'ack 2']);
  });

  test('has no more steps waiting for their shards than it may', async () => {
    pending = [];
    const running = teacher.run();
    for (const sequence of [1, 2, 3]) {
      teacher.receive(messageOf(sequence));
      for (let i = 0; i < 5; i++) await tick();
    }
    expect(said).toEqual(['learn 1', 'learn 2']);
    expect(teacher.unsettled).toBe(2);
    const waiting = pending;
    pending = undefined;
    waiting[0]!();
    for (let i = 0; i < 5; i++) await tick();
    expect(said).toEqual(['learn 1', 'learn 2', 'ack 1', 'learn 3', 'ack 3']);
    waiting[1]!();
    queue.close();
    await running;
    await teacher.settled();
    expect(said.at(-1)).toBe('ack 2');
  });
});
