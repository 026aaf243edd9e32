import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { decode, encode, errorReply } from '../../messages/codec.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { system, systemClock } from '../../runtime/system.js';
import { PublicProbe } from './public-probe.js';

type Answer = (name: string, request: unknown) => object | Promise<object>;

function busThat(answer: Answer): Bus {
  return {
    ...system,
    names,
    request: async (name: string, bytes: Uint8Array) => encode(await answer(name, decode(bytes))),
    close: async () => undefined,
  } as unknown as Bus; // It asks, and closes; nothing else is used.
}

function probing(answers: Readonly<Record<string, Answer>>) {
  const told: string[] = [];
  let resolve = (): void => undefined;
  const answered = new Promise<void>((done) => (resolve = done));
  const probe = new PublicProbe({
    dataCenters: Object.keys(answers),
    connect: async (dataCenter) => busThat(answers[dataCenter]!),
    onAnswered: () => resolve(),
    clock: systemClock,
    log: (line) => told.push(line),
  });
  return { probe, answered };
}

const whole: Answer = () => ({ degraded: false });

describe('the probe of the public subjects', () => {
  test('asks nobody before it begins', () => {
    const { probe } = probing({ east: whole });
    expect(probe.answered).toBe(false);
    expect(probe.missing).toBe('east (nobody has asked yet)');
  });

  test('is answered when every data center has scored and chosen, and asks each once', async () => {
    const asked: string[] = [];
    const record =
      (dataCenter: string): Answer =>
      (name) => {
        asked.push(`${dataCenter} ${name}`);
        return { degraded: false };
      };
    const { probe, answered } = probing({ east: record('east'), west: record('west') });
    probe.begin();
    probe.begin();
    await answered;
    expect(probe.answered).toBe(true);
    expect(asked.toSorted()).toEqual(
      [
        `east ${subject.rank}`,
        `east ${subject.recommend}`,
        `west ${subject.rank}`,
        `west ${subject.recommend}`,
      ].toSorted(),
    );
  });

  test('asks again where it is refused, or answered in part, and says what is missing', async () => {
    let asked = 0;
    const { probe, answered } = probing({
      east: whole,
      west: () => {
        asked++;
        if (asked === 1) return errorReply(new StarlingError('NO_RESPONDERS', 'nobody is there.'));
        return { degraded: asked === 2 };
      },
    });
    probe.begin();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(probe.answered).toBe(false);
    expect(probe.missing).toMatch(/^west \(NO_RESPONDERS: /);
    await answered;
    expect(asked).toBe(4);
  });

  test('takes what is left for an answer where there is never a whole one', async () => {
    const { probe, answered } = probing({ east: () => ({ degraded: true }) });
    probe.begin();
    await answered;
    expect(probe.answered).toBe(true);
  });

  test('teaches nothing: it asks for no item that is not excluded', async () => {
    const requests = new Map<string, unknown>();
    const { probe, answered } = probing({
      east: (name, request) => {
        requests.set(name, request);
        return { degraded: false };
      },
    });
    probe.begin();
    await answered;
    expect(requests.get(subject.recommend)).toMatchObject({
      candidates: ['starling-probe'],
      exclude: ['starling-probe'],
    });
  });

  test('is silent after it was stopped', async () => {
    const { probe } = probing({
      east: () => errorReply(new StarlingError('NO_RESPONDERS', 'nobody is there.')),
    });
    probe.begin();
    await probe.stop();
    expect(probe.answered).toBe(false);
  });
});
