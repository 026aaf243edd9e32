import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sleep } from '../../core/base/clock.js';
import { codeOf } from '../../core/base/errors.js';
import type { Bus } from '../bus/bus.js';
import type { BusWorld } from '../bus/bus-contract.testkit.js';
import type { Permits } from './permits.js';

/** A message system, and a process in which several are connected to it. */
export interface NeighboursWorld extends BusWorld {
  /** A connection of the process whose actors know each other. */
  join(permits: Permits): Promise<Bus>;
}

export const anything: Permits = { mayAsk: () => true, mayServe: () => true };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array): string => new TextDecoder().decode(value);
const ask = { timeoutMs: 5_000 };

/** What is written of those who share a process (neighbour-bus.ts), over whatever their servers are. */
export function neighboursContract(open: () => Promise<NeighboursWorld>): void {
  let world: NeighboursWorld;
  let caller: Bus;
  let neighbour: Bus;
  let apart: Bus;

  beforeAll(async () => {
    world = await open();
    await world.run(async () => {
      [caller, neighbour] = [await world.join(anything), await world.join(anything)];
      apart = await world.connectApart();
      await Promise.all([caller.flush(), neighbour.flush(), apart.flush()]);
    });
  });
  afterAll(() => world?.close());

  const check = (what: string, act: () => Promise<void>): void =>
    test(what, () => world.run(act), 60_000);
  /** Requests that went directly, and over the server, during `act`. */
  const ways = async (act: () => Promise<unknown>): Promise<[number, number]> => {
    const before = caller.calls!;
    await act();
    const { direct, overServer } = caller.calls!;
    return [direct - before.direct, overServer - before.overServer];
  };
  /** Until nothing that went over the server is in the way, however slow that is. */
  const untilDirect = async (subject: string, who = caller): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      const before = who.calls!.direct;
      await who.request(subject, bytes('warm'), ask).catch(() => undefined);
      if (who.calls!.direct > before) return;
      await sleep(who.clock, 100);
    }
    throw new Error(`${subject} is not asked directly`);
  };
  /** A group with one in the process and one apart; who answered is heard in the answer. */
  const groupAt = async (subject: string, how: { room?: () => number } = {}) => {
    const near = neighbour.serve(subject, { queue: 'all', ...how }, () => bytes('near'));
    const far = apart.serve(subject, { queue: 'all' }, () => bytes('far'));
    await Promise.all([neighbour.flush(), apart.flush()]);
    return {
      near,
      answers: async (count: number, repeated = false): Promise<string[]> => {
        const answers: string[] = [];
        for (let i = 0; i < count; i++)
          answers.push(textOf(await caller.request(subject, bytes(''), { ...ask, repeated })));
        return answers;
      },
      stop: () => Promise.all([near.stop(), far.stop()]),
    };
  };

  check('a neighbour is asked without the server, and hears how long one waits', async () => {
    const heard: (string | undefined)[] = [];
    const served = neighbour.serve('near.a', { queue: 'all' }, (body, subject, timeout, waited) => {
      heard.push(timeout, String(waited));
      return bytes(`${subject}: ${textOf(body)}`);
    });
    await untilDirect('near.a');
    heard.length = 0;
    world.hang();
    try {
      const answer = await caller.request('near.a', bytes('hello'), { timeoutMs: 2_000 });
      expect(textOf(answer)).toBe('near.a: hello');
      expect(heard).toEqual([expect.stringMatching(/^(2000|19\d\d)$/), '0']);
    } finally {
      world.wake();
    }
    await served.stop();
  });

  check('nobody is handed a request before who asks has returned', async () => {
    const returned: boolean[] = [];
    let hasReturned = false;
    const served = neighbour.serve('near.later', {}, (body) => {
      returned.push(hasReturned);
      return body;
    });
    await untilDirect('near.later');
    returned.length = 0;
    const counted = ways(async () => {
      const answer = caller.request('near.later', bytes(''), ask);
      hasReturned = true;
      await answer;
    });
    expect([await counted, returned]).toEqual([[1, 0], [true]]);
    await served.stop();
  });

  check('of a queue group the neighbour is asked, as long as it serves', async () => {
    const group = await groupAt('near.group');
    await untilDirect('near.group');
    expect(new Set(await group.answers(20))).toEqual(new Set(['near']));
    await group.near.stop();
    expect(new Set(await group.answers(20))).toEqual(new Set(['far']));
    await group.stop();
  });

  check('a neighbour without room is passed by, and asked again when it has some', async () => {
    let room = 0;
    const group = await groupAt('near.full', { room: () => room });
    expect(await ways(() => group.answers(5))).toEqual([0, 5]);
    room = 1;
    await untilDirect('near.full');
    expect(await ways(() => group.answers(5))).toEqual([5, 0]);
    await group.stop();
  });

  check('no more are sent at once than a neighbour has room for', async () => {
    const group = await groupAt('near.burst', { room: () => 3 });
    await untilDirect('near.burst');
    const all = () => Promise.all(Array.from({ length: 10 }, () => group.answers(1)));
    expect(await ways(all)).toEqual([3, 7]);
    await group.stop();
  });

  check('what is asked again goes to all of the group, and so does what follows', async () => {
    const group = await groupAt('near.again');
    expect(await ways(() => group.answers(3, true))).toEqual([0, 3]);
    expect(await ways(() => group.answers(1))).toEqual([0, 1]);
    await untilDirect('near.again');
    expect(await ways(() => group.answers(3))).toEqual([3, 0]);
    await group.stop();
  });

  check('a neighbour who does not answer is a time-out, and others are asked', async () => {
    let isSilent = false;
    const silent = neighbour.serve('near.silent', { queue: 'all' }, (body) =>
      isSilent ? new Promise(() => {}) : body,
    );
    await untilDirect('near.silent');
    isSilent = true;
    const far = apart.serve('near.silent', { queue: 'all' }, () => bytes('far'));
    await apart.flush();
    const startMs = caller.clock.nowMs();
    const late = caller.request('near.silent', bytes(''), { timeoutMs: 300 });
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(caller.clock.nowMs() - startMs).toBeGreaterThanOrEqual(295);
    const next = () => caller.request('near.silent', bytes(''), ask).catch(() => undefined);
    const counted = ways(() => Promise.race([next(), sleep(caller.clock, 500)]));
    expect(await counted).toEqual([0, 1]);
    void silent.stop();
    await far.stop();
  });

  check('what the server would refuse goes to the server', async () => {
    const cautious = await world.join({ ...anything, mayAsk: (name) => name !== 'near.secret' });
    const servants = ['near.secret', 'near.free'].map((subject) =>
      neighbour.serve(subject, {}, () => bytes('')),
    );
    await untilDirect('near.free', cautious);
    const { direct } = cautious.calls!;
    await cautious.request('near.secret', bytes(''), ask);
    expect(cautious.calls!.direct).toBe(direct);
    await cautious.close();
    const modest = await world.join({ ...anything, mayServe: () => false });
    const served = modest.serve('near.modest', {}, () => bytes(''));
    await modest.flush();
    expect(await ways(() => caller.request('near.modest', bytes(''), ask))).toEqual([0, 1]);
    await served.stop();
    await modest.close();
    await Promise.all(servants.map((each) => each.stop()));
  });

  check('order is kept while the way changes with each message', async () => {
    const heard: string[] = [];
    let room = Infinity;
    const note = (body: Uint8Array): Uint8Array => {
      heard.push(textOf(body));
      return body;
    };
    const listening = [
      neighbour.serve('near.push', { room: () => room }, note),
      neighbour.serve('near.pull', {}, note),
      neighbour.subscribe('near.notice', note),
    ];
    await untilDirect('near.push');
    heard.length = 0;
    const wanted = Array.from({ length: 400 }, (_unused, i) => String(i));
    const answers: Promise<Uint8Array>[] = [];
    const [direct, overServer] = await ways(async () => {
      for (const [i, text] of wanted.entries()) {
        room = i % 11 === 3 ? 0 : Infinity;
        if (i % 29 === 17) caller.publish('near.notice', bytes(text));
        else {
          const subject = i % 2 === 0 ? 'near.push' : 'near.pull';
          answers.push(caller.request(subject, bytes(text), { ...ask, repeated: i % 37 === 5 }));
        }
        if (i % 23 === 0) await sleep(caller.clock, i % 3 === 0 ? 120 : 1);
        if (i === 200) await sleep(caller.clock, 1_100);
      }
      await Promise.all(answers);
    });
    expect(heard).toEqual(wanted);
    // Else it says nothing.
    expect(Math.min(direct, overServer)).toBeGreaterThan(0);
    await Promise.all(listening.map((each) => each.stop()));
  });

  check('a call goes directly again once what went over the server has arrived', async () => {
    const served = neighbour.serve('near.plain', {}, (body) => body);
    const heard = neighbour.subscribe('near.news', () => undefined);
    const mixed = async (): Promise<void> => {
      caller.publish('near.news', bytes(''));
      await caller.request('near.plain', bytes(''), ask);
      await caller.request('near.plain', bytes(''), ask);
    };
    for (let i = 0; (await ways(mixed))[0] !== 2; i++) {
      expect(i).toBeLessThan(20);
      await sleep(caller.clock, 1_100);
    }
    await Promise.all([served.stop(), heard.stop()]);
  });

  check('behind a notice to a server that hangs a call waits as the notice does', async () => {
    const heard: string[] = [];
    const served = neighbour.serve('near.behind', {}, (body) => {
      heard.push('call');
      return body;
    });
    const notices = neighbour.subscribe('near.notices', () => void heard.push('notice'));
    await neighbour.flush();
    world.hang();
    caller.publish('near.notices', bytes(''));
    const answer = caller.request('near.behind', bytes(''), ask);
    await sleep(caller.clock, 200);
    expect(heard).toEqual([]);
    world.wake();
    await answer;
    expect(heard).toEqual(['notice', 'call']);
    await Promise.all([served.stop(), notices.stop()]);
  });

  check('who waits for a neighbour that leaves is told at once', async () => {
    const mortal = await world.join(anything);
    let isSilent = false;
    mortal.serve('near.mortal', {}, (body) => (isSilent ? new Promise(() => {}) : body));
    await untilDirect('near.mortal');
    isSilent = true;
    const answer = caller.request('near.mortal', bytes(''), { timeoutMs: 20_000 });
    const outcome = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await sleep(caller.clock, 10);
    await mortal.close();
    await outcome;
    // A server may hear of it a moment later, and hand it what nobody answers.
    let code = 'TIMEOUT';
    for (let tries = 0; tries < 10 && code === 'TIMEOUT'; tries++)
      code = await caller.request('near.mortal', bytes(''), { timeoutMs: 300 }).then(
        () => 'answered',
        (error: unknown) => codeOf(error),
      );
    expect(code).toBe('NO_RESPONDERS');
  });

  check('neighbours who ask each other without end leave time for all else', async () => {
    let over = false;
    let calls = 0;
    const servants = [caller, neighbour].map((each, i) => {
      const next = [caller, neighbour][1 - i]!;
      return each.serve(`near.ball.${i}`, {}, (body) => {
        calls++;
        if (!over) void next.request(`near.ball.${1 - i}`, body, ask);
        return body;
      });
    });
    over = true;
    await untilDirect('near.ball.1');
    over = false;
    await caller.request('near.ball.1', bytes(''), ask);
    caller.clock.after(20, () => (over = true));
    while (!over) await sleep(caller.clock, 5);
    expect(calls).toBeGreaterThan(1);
    await Promise.all(servants.map((each) => each.stop()));
  });
}
