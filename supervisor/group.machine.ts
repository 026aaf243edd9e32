import { assign, setup } from 'xstate';
import { assert } from '../core/base/assert.js';
import type { SupervisionEventType } from '../messages/supervision-events.js';
import {
  noCrashes,
  recordCrash,
  withinIntensity,
  type CrashHistory,
  type RestartIntensity,
} from '../runtime/restart-policy.js';

/**
 * A group of supervised children in start order, as in OTP: who is restarted with a child that crashed, when the whole
 * group is given up for a while, and in which order it stops. Decisions only; the effects are provided.
 *
 * The restart of the crashed child itself, with its backoff, is decided by its own machine; the group decides for the
 * others. OTP ends them one by one, waiting for each. Here they are told in that order but not waited for: every actor
 * waits by itself for what it needs, and one that drains slowly should not keep the rest away.
 */
export type Strategy =
  /** The others go on. */
  | 'one-for-one'
  /** Those started after it may rest on it, and start anew with it. */
  | 'rest-for-one'
  /** All rest on each other. */
  | 'all-for-one';

export interface GroupChild {
  readonly address: string;
  /** Children of one tier stop together, and tiers in falling order. */
  readonly tier: number;
}

export interface GroupPolicy extends RestartIntensity {
  readonly strategy: Strategy;
  /** How long a group that crashed too often stays down. Too low: it is a crash loop; too high: a cured cause goes unnoticed. */
  readonly coolDownMs: number;
}

export interface GroupContext extends Pick<CrashHistory, 'crashesAtMs'> {
  readonly policy: GroupPolicy;
  /** In start order. */
  readonly children: readonly GroupChild[];
  /** Whose crash was the last one; empty before the first. */
  readonly crashed: string;
  /** When the last tier should have stopped. */
  readonly stopAtMs: number;
}

export type GroupEvent =
  /** Who belongs to the group from now on, in start order. */
  | { readonly type: 'MEMBERS'; readonly children: readonly GroupChild[] }
  /** The process of a child ended without having been asked to: one crash, however many were in it. */
  | {
      readonly type: 'CRASHED';
      readonly address: string;
      /** All that ended with it, and begin anew by themselves; the child may be one of them. */
      readonly addresses: readonly string[];
      readonly atMs: number;
    }
  /** A child was stopped for good. */
  | { readonly type: 'STOPPED'; readonly address: string; readonly atMs: number }
  | { readonly type: 'STOP'; readonly atMs: number; readonly drainMs: number };

/** Tiers rise, and within a tier the order is kept. */
export function startOrder<Child extends { readonly tier: number }>(
  children: readonly Child[],
): Child[] {
  return [...children].sort((a, b) => a.tier - b.tier);
}

/**
 * Who else is restarted when those of a process ended, the one started last first.
 *
 * @param children in start order; when none of them has `ended` (all were removed), nobody shares their fate.
 */
export function sharersOfFate(
  strategy: Strategy,
  children: readonly GroupChild[],
  ended: readonly string[],
): string[] {
  const addresses = children.map(({ address }) => address);
  const lowest = addresses.findIndex((address) => ended.includes(address));
  if (lowest < 0 || strategy === 'one-for-one') return [];
  const sharers = strategy === 'all-for-one' ? addresses : addresses.slice(lowest + 1);
  return sharers.filter((address) => !ended.includes(address)).reverse();
}

/**
 * The highest tier that is left, the one started last first, and its even share of the time that is left: a tier that
 * hangs can't use up the time of the state-holding one below it.
 */
export function nextToStop(
  { children, stopAtMs }: Pick<GroupContext, 'children' | 'stopAtMs'>,
  atMs: number,
): { readonly addresses: readonly string[]; readonly drainMs: number } {
  const tiers = new Set(children.map(({ tier }) => tier));
  const highest = Math.max(...tiers);
  const addresses = children.filter(({ tier }) => tier === highest).map(({ address }) => address);
  return {
    addresses: addresses.reverse(),
    drainMs: Math.max(stopAtMs - atMs, 1) / Math.max(tiers.size, 1),
  };
}

/**
 * Whether a crash at `atMs` is still answered by restarts. Other than for a child it does not count how often in a row
 * the group did not get whole: one child that fails for good would end the others with it, slowly but surely.
 */
export function isGroupWithinIntensity(
  { crashesAtMs, policy }: Pick<GroupContext, 'crashesAtMs' | 'policy'>,
  atMs: number,
): boolean {
  return withinIntensity({ ...noCrashes, crashesAtMs }, atMs, policy);
}

function isLastChild({ children }: GroupContext, address: string): boolean {
  return children.every((child) => child.address === address);
}

/** Whether nobody of the tier that is being stopped is left without `address`. */
export function endsTier({ children }: GroupContext, address: string): boolean {
  const highest = Math.max(...children.map(({ tier }) => tier));
  return children.every((child) => child.tier < highest || child.address === address);
}

const addressOf = ({ event }: { event: { readonly address: string } }) => event;

export const groupMachine = setup({
  types: {
    context: {} as GroupContext,
    events: {} as GroupEvent,
    input: {} as GroupPolicy,
  },
  delays: { coolDown: ({ context }) => context.policy.coolDownMs },
  guards: {
    withinIntensity: ({ context }, params: { atMs: number }) =>
      isGroupWithinIntensity(context, params.atMs),
    isEmpty: ({ context }) => context.children.length === 0,
    isLastChild: ({ context }, params: { address: string }) => isLastChild(context, params.address),
    endsTier: ({ context }, params: { address: string }) => endsTier(context, params.address),
  },
  actions: {
    restart: (_, params: { addresses: readonly string[] }) =>
      assert(false, `provide restart, of ${params.addresses.join()}`),
    coolDown: (_, params: { addresses: readonly string[] }) =>
      assert(false, `provide coolDown, of ${params.addresses.join()}`),
    retire: () => assert(false, 'provide retire'),
    stop: (_, params: { addresses: readonly string[]; drainMs: number }) =>
      assert(false, `provide stop, of ${params.addresses.join()}`),
    escalate: () => assert(false, 'provide escalate'),
    report: (_, params: { type: SupervisionEventType }) =>
      assert(false, `provide report, of ${params.type}`),
    recordMembers: assign((_, params: { children: readonly GroupChild[] }) => ({
      children: params.children,
    })),
    recordCrash: assign(({ context }, { address, atMs }: { address: string; atMs: number }) => ({
      crashesAtMs: recordCrash({ ...noCrashes, ...context }, atMs, context.policy.restartWindowMs)
        .crashesAtMs,
      crashed: address,
    })),
    recordStop: assign((_, params: { atMs: number; drainMs: number }) => ({
      stopAtMs: params.atMs + params.drainMs,
    })),
    forget: assign(({ context }, params: { address: string }) => ({
      children: context.children.filter(({ address }) => address !== params.address),
    })),
  },
}).createMachine({
  id: 'group',
  context: ({ input }) => ({
    policy: input,
    children: [],
    crashesAtMs: [],
    crashed: '',
    stopAtMs: 0,
  }),
  initial: 'tended',
  states: {
    tended: {
      description: 'The group has been asked to run.',
      initial: 'supervising',
      on: {
        MEMBERS: { actions: { type: 'recordMembers', params: ({ event }) => event } },
        STOPPED: { actions: { type: 'forget', params: addressOf } },
        STOP: [
          { guard: 'isEmpty', target: 'stopped' },
          {
            actions: [
              { type: 'recordStop', params: ({ event }) => event },
              'retire',
              { type: 'stop', params: ({ context, event }) => nextToStop(context, event.atMs) },
            ],
            target: 'stopping',
          },
        ],
      },
      states: {
        supervising: {
          description: 'A child that crashes is restarted, and with it those that share its fate.',
          on: {
            CRASHED: [
              {
                guard: { type: 'withinIntensity', params: ({ event }) => event },
                actions: [
                  { type: 'recordCrash', params: ({ event }) => event },
                  {
                    type: 'restart',
                    params: ({ context: { policy, children }, event }) => ({
                      addresses: sharersOfFate(policy.strategy, children, event.addresses),
                    }),
                  },
                ],
              },
              {
                actions: { type: 'recordCrash', params: ({ event }) => event },
                target: 'cooling',
              },
            ],
          },
        },
        cooling: {
          description:
            'Its children crashed too often. The parent is told, all of them drain and stay down for the cool-down; then they are tried once more.',
          entry: [
            { type: 'report', params: { type: 'failed' } },
            {
              type: 'coolDown',
              params: ({ context }) => ({
                addresses: context.children.map(({ address }) => address).reverse(),
              }),
            },
            'escalate',
          ],
          after: { coolDown: 'supervising' },
        },
      },
    },
    stopping: {
      description:
        'One tier drains, the highest that is left; nobody is restarted any more, as all are told first.',
      on: {
        STOPPED: [
          { guard: { type: 'isLastChild', params: addressOf }, target: 'stopped' },
          {
            guard: { type: 'endsTier', params: addressOf },
            actions: [
              { type: 'forget', params: addressOf },
              { type: 'stop', params: ({ context, event }) => nextToStop(context, event.atMs) },
            ],
          },
          { actions: { type: 'forget', params: addressOf } },
        ],
      },
    },
    stopped: { type: 'final', description: 'All children are stopped.' },
  },
});
