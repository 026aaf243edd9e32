import { beforeEach, describe, expect, test } from '@jest/globals';
import { adamDefaults } from '../../core/model/adam.js';
import { initialCalibration } from '../../core/model/score-calibration.js';
import { fenced } from '../../messages/ownership.js';
import {
  denseDurableMessage,
  densePullMessage,
  densePushMessage,
  parseDenseReply,
  parseDurableReply,
} from '../../messages/network-state.js';
import { DenseLedger } from './dense-ledger.js';
import { DenseRequests } from './dense-requests.js';

let ledger: DenseLedger;
let valid: boolean;
let waits: number;
let requests: DenseRequests;

beforeEach(() => {
  ledger = new DenseLedger(Float32Array.of(1, 2), adamDefaults);
  valid = true;
  waits = 0;
  requests = new DenseRequests({
    ledger,
    ...{ specHash: 'h', stalenessMax: 3 },
    sequence: () => 33,
    requireLease: () => {
      if (!valid) throw fenced('no lease', {});
    },
    durable: async () => void waits++,
  });
});

const push = (batches: number[], specHash = 'h') =>
  densePushMessage({
    specHash,
    batches: Float64Array.from(batches),
    gradient: Float32Array.of(0.5, 0.5),
  });

describe('the network', () => {
  test('answers a gradient with the parameters after it, once for each batch', async () => {
    const first = parseDenseReply(await requests.push(push([1, 2])), 2);
    expect(first).toMatchObject({ outcome: 'applied', denseVersion: 1, sequence: 33 });
    expect(first.parameters[0]).toBeLessThan(1);
    const again = parseDenseReply(await requests.push(push([1, 2])), 2);
    expect(again).toMatchObject({ outcome: 'duplicate', denseVersion: 1 });
    const mixed = parseDenseReply(await requests.push(push([2, 3])), 2);
    expect(mixed).toMatchObject({ outcome: 'mixed', denseVersion: 1 });
    const pulled = parseDenseReply(await requests.pull(densePullMessage()), 2);
    expect(pulled.parameters).toEqual(first.parameters);
  });

  test('refuses what was computed too many steps ago, and says of what it has that it has it', async () => {
    for (const batch of [1, 2, 3, 4]) await requests.push(push([batch]));
    const before = [...ledger.parameters];
    const stale = { ...push([5]), basis: 0 };
    await expect(requests.push(stale)).rejects.toMatchObject({ code: 'STALE_GRADIENT' });
    expect([[...ledger.parameters], ledger.applied.has(5)]).toEqual([before, false]);
    const known = parseDenseReply(await requests.push({ ...push([4]), basis: 0 }), 2);
    expect(known.outcome).toBe('duplicate');
    const fresh = parseDenseReply(await requests.push({ ...push([5]), basis: 1 }), 2);
    expect(fresh).toMatchObject({ outcome: 'applied', denseVersion: 5 });
  });

  test('of another specification, or whose lease is over, takes and tells nothing', async () => {
    await expect(requests.push(push([1], 'other'))).rejects.toMatchObject({
      code: 'SPEC_MISMATCH',
    });
    valid = false;
    await expect(requests.push(push([1]))).rejects.toMatchObject({ code: 'FENCED' });
    await expect(requests.pull(densePullMessage())).rejects.toMatchObject({ code: 'FENCED' });
    expect(ledger.applied.count).toBe(0);
  });

  test('says what is durable once it is, and what it never had at once', async () => {
    await requests.push(push([1, 2]));
    const ask = async (...batches: number[]) =>
      parseDurableReply(await requests.durable(denseDurableMessage(Float64Array.from(batches))));
    expect(await ask(1, 2)).toEqual({ durable: true, sequence: 33 });
    expect(waits).toBe(1);
    expect(await ask(1, 3)).toMatchObject({ durable: false });
    expect(waits).toBe(1);
  });

  test('has its calibration behind it, which takes no part in its own steps', () => {
    const calibrated = new DenseLedger(
      Float32Array.of(1, ...initialCalibration(1)),
      { ...adamDefaults, clipNorm: 1 },
      { network: 1, calibration: 10 },
    );
    // Rows of which the network said too much; their sums are no part of the norm that is clipped.
    const sums = [0, 0, 400, 0, 0, 0, 0, 0, 395, 100];
    expect(calibrated.apply(Float64Array.of(1), Float32Array.of(0.5, ...sums))).toBe('applied');
    const alone = new DenseLedger(Float32Array.of(1), adamDefaults);
    alone.apply(Float64Array.of(1), Float32Array.of(0.5));
    expect(calibrated.parameters[0]).toBe(alone.parameters[0]);
    expect(calibrated.parameters[3]).toBeCloseTo(-1, 5);
    const { optimizerState } = calibrated.optimizerState();
    expect(optimizerState.filter((each) => each !== 0)).toHaveLength(2);
    const state = { ...calibrated.optimizerState(), parameters: calibrated.parameters };
    const restored = new DenseLedger(Float32Array.of(9, ...initialCalibration(1)), adamDefaults, {
      network: 1,
      calibration: 10,
    });
    restored.adopt(state);
    expect(restored.parameters).toEqual(calibrated.parameters);
    // What is not finite changes neither, nor is it booked.
    for (const broken of [NaN, Infinity, -1e16]) {
      const apply = () => restored.apply(Float64Array.of(2), Float32Array.of(broken, ...sums));
      expect(apply).toThrow(expect.objectContaining({ code: 'NOT_FINITE' }));
    }
    expect(restored.parameters).toEqual(calibrated.parameters);
    expect(restored.applied.has(2)).toBe(false);
  });
});
