import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sleep } from '../../core/base/clock.js';
import type { Bus } from './bus.js';
import type { StreamMessage } from './logs.js';
import { isThrough } from './work-queues.js';

/** A message system with one server, to which every bus must be the same. */
export interface BusWorld {
  /** A connection of its own; of a process with several actors, of the same one as the others. */
  connect(): Promise<Bus>;
  /** Of another process. */
  connectApart(): Promise<Bus>;
  declareStream(name: string, subjects: readonly string[]): Promise<void>;
  declareBucket(name: string): Promise<void>;
  /** The server keeps its connections and says nothing. */
  hang(): void;
  wake(): void;
  /** It is killed and started again; what it has stored is there. */
  restart(): Promise<void>;
  /** Does what a test does, in the time of this world. */
  run(act: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array): string => new TextDecoder().decode(value);
const told = (message: StreamMessage): string => textOf(message.bytes);

/**
 * What is written of a bus, for both kinds of it. The unpleasant parts are what matters: who writes an actor must be able
 * to rely on the same in memory as on NATS, and be surprised by the same.
 */
export function busContract(open: () => Promise<BusWorld>): void {
  let world: BusWorld;
  let bus: Bus;
  let other: Bus;
  let streams = 0;

  beforeAll(async () => {
    world = await open();
    await world.run(async () => {
      [bus, other] = await Promise.all([world.connect(), world.connect()]);
      await world.declareBucket('STATE');
    });
  });
  afterAll(() => world?.close());

  const check = (what: string, act: () => Promise<void>): void =>
    test(what, () => world.run(act), 60_000);
  /** A stream that no other test writes to. */
  const makeStream = async () => {
    const stream = `LOG${++streams}`;
    const root = `log${streams}`;
    await world.declareStream(stream, [`${root}.*`]);
    return { stream, at: (name: string) => `${root}.${name}` };
  };
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let i = 0; !(await holds()); i++) {
      if (i === 400) throw new Error('it does not come to be');
      await sleep(bus.clock, 25);
    }
  };

  check(
    'a request is answered by who serves its subject, who hears how long it waits',
    async () => {
      const heard: (string | undefined)[] = [];
      const served = other.serve('ask.a', {}, (body, subject, timeout) => {
        heard.push(timeout);
        return bytes(`${subject}: ${textOf(body)}`);
      });
      await other.flush();
      const answer = await bus.request('ask.a', bytes('hello'), { timeoutMs: 2_000 });
      expect(textOf(answer)).toBe('ask.a: hello');
      expect(heard).toHaveLength(1);
      // It may have been on its way for a moment.
      expect(Number(heard[0])).toBeLessThanOrEqual(2_000);
      expect(Number(heard[0])).toBeGreaterThan(1_800);
      await served.stop();
    },
  );

  check(
    'a request that nobody serves is told so, and one that is not answered ends in time',
    async () => {
      const ask = (subject: string) => bus.request(subject, bytes(''), { timeoutMs: 300 });
      await expect(ask('ask.nobody')).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
      const silent = other.serve('ask.silent', {}, () => new Promise(() => undefined));
      await other.flush();
      const startMs = bus.clock.nowMs();
      await expect(ask('ask.silent')).rejects.toMatchObject({ code: 'TIMEOUT' });
      expect(bus.clock.nowMs() - startMs).toBeGreaterThanOrEqual(295);
      void silent.stop();
    },
  );

  check('of a queue group one answers each request, and all of them some', async () => {
    const counts = [0, 0];
    const members = [bus, other].map((member, i) =>
      member.serve('ask.shared', { queue: 'all' }, () => {
        counts[i]!++;
        return bytes('');
      }),
    );
    await Promise.all([bus.flush(), other.flush()]);
    for (let i = 0; i < 60; i++) await bus.request('ask.shared', bytes(''), { timeoutMs: 2_000 });
    expect(counts[0]! + counts[1]!).toBe(60);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    await Promise.all(members.map((member) => member.stop()));
  });

  check(
    'what was handed over is answered before the end of serving, and nothing new is taken',
    async () => {
      let finish: () => void = () => undefined;
      let taken = 0;
      const served = other.serve('ask.last', {}, async () => {
        taken++;
        await new Promise<void>((resolve) => (finish = resolve));
        return bytes('done');
      });
      await other.flush();
      const answer = bus.request('ask.last', bytes(''), { timeoutMs: 5_000 });
      await until(() => taken === 1);
      let stopped = false;
      const end = served.stop().then(() => (stopped = true));
      await sleep(bus.clock, 100);
      expect(stopped).toBe(false);
      await expect(bus.request('ask.last', bytes(''), { timeoutMs: 200 })).rejects.toMatchObject({
        code: 'NO_RESPONDERS',
      });
      finish();
      expect(textOf(await answer)).toBe('done');
      await end;
    },
  );

  check('between two connections order is kept, over all subjects', async () => {
    const heard: string[] = [];
    const listening = [
      other.subscribe('order.*', (body) => heard.push(textOf(body))),
      other.serve('order-asked', {}, (body) => {
        heard.push(textOf(body));
        return body;
      }),
      other.subscribe('order.deep.>', (body) => heard.push(textOf(body))),
    ];
    await other.flush();
    const wanted = Array.from({ length: 300 }, (_unused, i) => String(i));
    const answers = wanted.map((text, i) => {
      if (i % 3 === 1) return bus.request('order-asked', bytes(text), { timeoutMs: 5_000 });
      bus.publish(i % 3 === 0 ? `order.${i % 7}` : 'order.deep.down', bytes(text));
      return Promise.resolve(bytes(text));
    });
    await Promise.all(answers);
    await until(() => heard.length === wanted.length);
    expect(heard).toEqual(wanted);
    await Promise.all(listening.map((each) => each.stop()));
  });

  check('a log counts over all its subjects, and finds what it has', async () => {
    const { stream, at } = await makeStream();
    const sequences = [];
    for (const name of ['a', 'b', 'a']) sequences.push(await bus.append(at(name), bytes(name)));
    expect(sequences).toEqual([1, 2, 3]);
    expect(await bus.streamState(stream)).toMatchObject({
      firstSequence: 1,
      lastSequence: 3,
      messages: 3,
    });
    expect((await bus.lastMessage(stream, at('a')))?.sequence).toBe(3);
    expect(await bus.lastMessage(stream, at('none'))).toBeUndefined();
    expect(told((await bus.messageAt(stream, 2))!)).toBe('b');
    expect(await bus.messageAt(stream, 4)).toBeUndefined();
    expect((await bus.subjects(stream, at('*'))).sort()).toEqual([at('a'), at('b')]);
  });

  check('an append that expects another last sequence of its subject is refused', async () => {
    const { stream, at } = await makeStream();
    const first = await bus.append(at('a'), bytes('1'), { after: { stream, sequence: 0 } });
    await bus.append(at('b'), bytes('elsewhere'));
    const second = await other.append(at('a'), bytes('2'), { after: { stream, sequence: first } });
    const late = bus.append(at('a'), bytes('late'), { after: { stream, sequence: first } });
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await bus.lastMessage(stream, at('a')))!.sequence).toBe(second);
  });

  check(
    'an append whose acknowledgement is lost is done once, however often it is repeated',
    async () => {
      const { stream, at } = await makeStream();
      const how = { messageId: `id of ${stream}`, after: { stream, sequence: 0 } };
      world.hang();
      try {
        const first = bus.append(at('a'), bytes('1'), { ...how, timeoutMs: 200 });
        await expect(first).rejects.toMatchObject({ code: 'TIMEOUT' });
      } finally {
        world.wake();
      }
      const streams: string[] = [];
      const stored = (name: string): void => void streams.push(name);
      const repeated = [await bus.append(at('a'), bytes('1'), { ...how, stored })];
      expect(streams).toEqual([stream]);
      repeated.push(await bus.append(at('a'), bytes('1'), how));
      expect(repeated).toEqual([1, 1]);
      expect((await bus.streamState(stream)).messages).toBe(1);
    },
  );

  check(
    'a purge removes what is older, of one subject or of all, and nothing is counted anew',
    async () => {
      const { stream, at } = await makeStream();
      for (const name of ['x', 'y', 'x']) await bus.append(at(name), bytes(''));
      expect(await bus.purge(stream, { subject: at('x'), beforeSequence: 3 })).toBe(1);
      expect((await bus.subjects(stream, at('*'))).sort()).toEqual([at('x'), at('y')]);
      await bus.purge(stream, { beforeSequence: 3 });
      expect(await bus.streamState(stream)).toMatchObject({ firstSequence: 3, messages: 1 });
      await bus.purge(stream, {});
      expect(await bus.streamState(stream)).toMatchObject({ lastSequence: 3, messages: 0 });
      // The subject has no message left to build upon.
      expect(await bus.append(at('x'), bytes(''), { after: { stream, sequence: 0 } })).toBe(4);
    },
  );

  check(
    'a tail has what was there and then what comes, in order, as slow as its reader is',
    async () => {
      const { stream, at } = await makeStream();
      for (const name of ['a', 'b', 'a']) await bus.append(at(name), bytes(`old ${name}`));
      const heard: string[] = [];
      let working = 0;
      const tail = await bus.tail({ stream, filter: at('a') }, async (message) => {
        expect(++working).toBe(1);
        await sleep(bus.clock, 2);
        working--;
        heard.push(`${message.sequence} ${told(message)}`);
      });
      await tail.caughtUp;
      expect(heard).toEqual(['1 old a', '3 old a']);
      for (let i = 0; i < 50; i++) await other.append(at('a'), bytes(String(i)));
      await until(() => heard.length === 52);
      expect(heard.slice(0, 3)).toEqual(['1 old a', '3 old a', '4 0']);
      expect(heard.map((line) => Number(line.split(' ')[0])).slice(1)).toEqual(
        Array.from({ length: 51 }, (_unused, i) => i + 3),
      );
      await tail.stop();
      await other.append(at('a'), bytes('after'));
      await sleep(bus.clock, 100);
      expect(heard).toHaveLength(52);
    },
  );

  check('a tail begins at a sequence, or with the last of each subject', async () => {
    const { stream, at } = await makeStream();
    for (const name of ['a', 'b', 'a', 'c']) await bus.append(at(name), bytes(name));
    const sequences = async (how: { fromSequence?: number; lastPerSubject?: boolean }) => {
      const heard: number[] = [];
      const tail = await bus.tail({ stream, ...how }, ({ sequence }) => void heard.push(sequence));
      await tail.caughtUp;
      await tail.stop();
      return heard;
    };
    expect(await sequences({ fromSequence: 3 })).toEqual([3, 4]);
    expect(await sequences({ lastPerSubject: true })).toEqual([2, 3, 4]);
    expect(await sequences({ fromSequence: 5 })).toEqual([]);
  });

  check('a tail has caught up though what is left of the log goes before it comes', async () => {
    const { stream, at } = await makeStream();
    // More than a server sends to who has not handled the first of it.
    const body = new Uint8Array(256 * 1024);
    for (let i = 0; i < 40; i++) await bus.append(at('a'), body);
    const heard: number[] = [];
    const tail = await bus.tail({ stream }, async ({ sequence }) => {
      if (heard.push(sequence) === 1) await other.purge(stream, {});
    });
    await tail.caughtUp;
    expect(heard).toEqual(Array.from({ length: heard.length }, (_unused, i) => i + 1));
    await other.append(at('a'), bytes('new'));
    await until(() => heard.at(-1) === 41);
    await tail.stop();
  });

  check(
    'a tail goes on behind a server that was killed, without a gap or a repetition',
    async () => {
      const { stream, at } = await makeStream();
      const heard: number[] = [];
      const tail = await bus.tail({ stream }, ({ sequence }) => void heard.push(sequence));
      const write = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) await other.append(at('a'), bytes(''));
      };
      await write(20);
      await world.restart();
      await until(() => other.append(at('a'), bytes('')).then(Boolean, () => false));
      await write(20);
      const { lastSequence } = await other.streamState(stream);
      await until(() => heard.at(-1) === lastSequence);
      expect(heard).toEqual(Array.from({ length: lastSequence }, (_unused, i) => i + 1));
      await tail.stop();
    },
  );

  check('who waits for an answer hears of it at once when the server is lost', async () => {
    const apart = await world.connectApart();
    const silent = apart.serve('ask.lost', {}, () => new Promise(() => undefined));
    await apart.flush();
    const asked = bus.request('ask.lost', bytes(''), { timeoutMs: 20_000 });
    const outcome = expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const startMs = bus.clock.nowMs();
    await sleep(bus.clock, 50);
    await world.restart();
    await outcome;
    expect(bus.clock.nowMs() - startMs).toBeLessThan(15_000);
    void silent.stop();
    // It is connected again by itself, and what it serves is served again.
    const served = other.serve('ask.again', {}, () => bytes('here'));
    await until(() =>
      bus.request('ask.again', bytes(''), { timeoutMs: 500 }).then(
        () => true,
        () => false,
      ),
    );
    await served.stop();
  });

  const workOn = (stream: string) => ({ stream, durable: 'worker', pendingMax: 10 });

  check('work that was given back comes again, and says how often', async () => {
    const { stream, at } = await makeStream();
    const given: number[] = [];
    const how = { ...workOn(stream), ackWaitMs: 60_000 };
    const work = await bus.work(how, (message) => {
      given.push(message.deliveries);
      if (given.length < 3) message.nak();
      else message.ack();
    });
    await bus.append(at('a'), bytes('thrice'));
    await until(() => given.length === 3);
    await until(async () => (await bus.workState(stream, 'worker')).left === 0);
    expect(given).toEqual([1, 2, 3]);
    expect((await bus.workState(stream, 'worker')).acknowledged).toBe(1);
    await work.stop();
  });

  check('work that takes longer than the server waits is not given to somebody else', async () => {
    const { stream, at } = await makeStream();
    const ackWaitMs = 1_000;
    const given: number[] = [];
    const take = (message: { deliveries: number; ack(): void }): void => {
      given.push(message.deliveries);
      bus.clock.after(3.5 * ackWaitMs, () => message.ack());
    };
    const members = await Promise.all(
      [bus, other].map((member) => member.work({ ...workOn(stream), ackWaitMs }, take)),
    );
    await bus.append(at('a'), bytes('long'));
    await until(async () => (await bus.workState(stream, 'worker')).left === 1);
    await until(async () => (await bus.workState(stream, 'worker')).left === 0);
    expect(given).toEqual([1]);
    await Promise.all(members.map((member) => member.stop()));
  });

  check('work of somebody who died is done by another one soon', async () => {
    const { stream, at } = await makeStream();
    const how = { ...workOn(stream), ackWaitMs: 1_000 };
    const mortal = await world.connect();
    let taken = false;
    const lost = await mortal.work(how, () => void (taken = true));
    await bus.append(at('a'), bytes('inherited'));
    await until(() => taken);
    await mortal.close();
    await lost.stop();
    const given: number[] = [];
    const work = await bus.work(how, (message) => {
      given.push(message.deliveries);
      message.ack();
    });
    await until(() => given.length > 0);
    expect(given).toEqual([2]);
    await work.stop();
  });

  check('no more work is handed out than may be pending', async () => {
    const { stream, at } = await makeStream();
    const inHand: { ack(): void }[] = [];
    const how = { stream, durable: 'worker', pendingMax: 3, ackWaitMs: 60_000 };
    const work = await bus.work(how, (message) => void inHand.push(message));
    for (let i = 0; i < 8; i++) await bus.append(at('a'), bytes(String(i)));
    await until(() => inHand.length === 3);
    await sleep(bus.clock, 100);
    expect(inHand).toHaveLength(3);
    expect(await bus.workState(stream, 'worker')).toEqual({ acknowledged: 0, left: 8 });
    for (let done = 0; done < 8; done++) {
      await until(() => inHand.length > done);
      inHand[done]!.ack();
    }
    await until(async () => (await bus.workState(stream, 'worker')).left === 0);
    await work.stop();
  });

  check('work that goes from the log before it is done is not waited for', async () => {
    const { stream, at } = await makeStream();
    let inHand = 0;
    const how = { stream, durable: 'worker', pendingMax: 1, ackWaitMs: 60_000 };
    expect(isThrough(await bus.workState(stream, 'worker'), 1)).toBe(false);
    const work = await bus.work(how, (message) => {
      if (++inHand === 1) message.ack();
    });
    for (let i = 0; i < 4; i++) await bus.append(at('a'), bytes(String(i)));
    await until(() => inHand === 2);
    await until(async () => isThrough(await bus.workState(stream, 'worker'), 1));
    expect(isThrough(await bus.workState(stream, 'worker'), 4)).toBe(false);
    await other.purge(stream, {});
    await until(async () => isThrough(await bus.workState(stream, 'worker'), 4));
    await work.stop();
  });

  check('of two who change a key one succeeds', async () => {
    const created = await bus.bucketUpdate('STATE', 'owner', bytes('a'), 0);
    const change = (who: Bus, text: string, revision: number) =>
      who.bucketUpdate('STATE', 'owner', bytes(text), revision);
    await expect(change(other, 'b', 0)).rejects.toMatchObject({ code: 'CONFLICT' });
    const revision = await change(other, 'b', created);
    await expect(change(bus, 'c', created)).rejects.toMatchObject({ code: 'CONFLICT' });
    const entry = await bus.bucketEntry('STATE', 'owner');
    expect([textOf(entry!.bytes), entry!.revision]).toEqual(['b', revision]);
    expect(await bus.bucketEntry('STATE', 'nobody')).toBeUndefined();
    expect(await bus.bucketGet('STATE', 'nobody')).toBeUndefined();
    expect(textOf((await bus.bucketGet('STATE', 'owner'))!)).toBe('b');
    await bus.requireBucketLeader('STATE', 2_000);
  });

  check('a bucket that does not answer is given up in the time that the caller has', async () => {
    await bus.bucketPut('STATE', 'silent', bytes('a'));
    world.hang();
    const how = { timeoutMs: 150 };
    const questions = [
      bus.bucketEntry('STATE', 'silent', how),
      bus.bucketPut('STATE', 'silent', bytes('b'), how),
      bus.bucketUpdate('STATE', 'silent', bytes('c'), 1, how),
      bus.requireBucketLeader('STATE', 150),
    ];
    await Promise.all(
      questions.map((each) => expect(each).rejects.toMatchObject({ code: 'TIMEOUT' })),
    );
    world.wake();
  });

  check(
    'a watch has what is there, then what changes, and all of it again after a server was killed',
    async () => {
      await bus.bucketPut('STATE', 'p.1', bytes('one'));
      await bus.bucketPut('STATE', 'q.1', bytes('other'));
      const seen: string[] = [];
      const watch = await other.bucketWatch('STATE', 'p.*', (key, entry) => {
        seen.push(`${key}=${textOf(entry.bytes)}`);
      });
      expect(seen).toEqual(['p.1=one']);
      await bus.bucketPut('STATE', 'p.2', bytes('two'));
      await until(() => seen.length === 2);
      expect(seen).toEqual(['p.1=one', 'p.2=two']);
      await world.restart();
      const put = (text: string) => () =>
        bus.bucketPut('STATE', 'p.1', bytes(text)).then(
          () => true,
          () => false,
        );
      await until(put('three'));
      await until(() => seen.includes('p.1=three'));
      await watch.stop();
      await until(put('four'));
      await sleep(bus.clock, 100);
      expect(seen).not.toContain('p.1=four');
    },
  );
}
