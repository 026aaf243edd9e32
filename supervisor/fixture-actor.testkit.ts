import { existsSync } from 'node:fs';
import {
  parseParentMessage,
  type ChildMessage,
  type LeftMessage,
  type ReportedState,
  type StartMessage,
} from '../messages/child-messages.js';
import { SupervisorChannel } from '../runtime/supervisor-channel.js';

/**
 * A process of actors that do nothing but live, for tests of their supervisor. `config` of a start message says how its actor
 * behaves: the manner of its address, else `steady`.
 */
export type FixtureManner =
  /** Gets ready and drains when asked. */
  | 'steady'
  /** Exits with code 3 before it is ready. */
  | 'crashing'
  /** Says that the disk is full and exits, until the file `<stateDir>/healed` is there. */
  | 'starving'
  /** Gets ready and ignores the request to stop. */
  | 'deaf'
  /** Gets ready, and leaves something behind when it is asked to stop. */
  | 'untidy'
  /** Gets ready, and never looks for another supervisor when it loses its own. */
  | 'lost';

export interface FixtureConfig {
  readonly manners: Readonly<Record<string, FixtureManner>>;
  /** How long it waits for another supervisor; 0 if left out. */
  readonly orphanMs?: number;
}

interface FixtureActor {
  readonly channel: SupervisorChannel;
  readonly stop: () => void;
  /** Whether it would answer the public. */
  serving: boolean;
}

const fixtureHeartbeatMs = 50;
const actors = new Map<string, FixtureActor>();

process.on('message', (value) => {
  const message = parseParentMessage(value);
  if (message?.type === 'start') return start(message);
  if (message?.type === 'prepare') return;
  for (const [address, actor] of actors) {
    if (message?.type === 'adopted' || address !== (message?.address ?? address)) continue;
    if (message?.type === 'stop') actor.stop();
    if (message?.type === 'serve') actor.serving = message.open;
  }
});
// One takes longer than the other, as their drains do.
process.on('SIGTERM', () => {
  if (actors.size === 0) process.exit(0);
  [...actors.keys()].forEach((address, i) => setTimeout(() => leave(address), i * 200));
});
process.on('disconnect', () => {
  for (const { channel } of actors.values()) channel.orphaned();
});

function start(message: StartMessage): void {
  const { address } = message;
  const { manners } = message.config as FixtureConfig;
  const manner = manners[address] ?? 'steady';
  process.stdout.write(`${address} epoch ${message.epoch} is ${manner}\n`);
  if (manner === 'crashing') process.exit(3);
  if (manner === 'starving' && !existsSync(`${message.stateDir}/healed`)) {
    const full = { type: 'failed', address, code: 'STORAGE_FULL', message: 'no space left' };
    process.send?.(full, () => process.exit(1));
    return;
  }
  live(message, manner);
}

function live(message: StartMessage, manner: FixtureManner): void {
  const { address, partitions, nats, serving = true } = message;
  const { orphanMs = 0 } = message.config as FixtureConfig;
  let state: ReportedState = 'starting';
  const stop = (): void => {
    if (manner === 'untidy') return leaveUntidily(channel);
    if (manner !== 'deaf') leave(address);
  };
  const channel = new SupervisorChannel({
    start: message,
    orphanMs: manner === 'lost' ? 2 ** 30 : orphanMs,
    // One that leaves looks for nobody.
    state: () => (manner === 'lost' ? 'draining' : state),
    onTold: (told) => {
      if (told.type === 'stop') stop();
      if (told.type === 'serve') actor.serving = told.open;
    },
    onOrphaned: () => undefined,
    onAdopted: () => undefined,
    onAbandoned: () => leave(address),
  });
  const actor: FixtureActor = { channel, stop, serving };
  actors.set(address, actor);
  const tell = (words: ChildMessage | LeftMessage): void => {
    if (words.type === 'state') state = words.state;
    channel.send(words);
  };
  tell({ type: 'state', state: 'restoring' });
  setInterval(
    () =>
      tell({
        type: 'heartbeat',
        atMs: Date.now(),
        stats: { partitions, serving: actor.serving },
      }),
    fixtureHeartbeatMs,
  );
  const facts = {
    user: nats.user,
    argv: process.argv.slice(2),
    nodeOptions: process.env['NODE_OPTIONS'] ?? null,
  };
  process.stdout.write(`${JSON.stringify(facts)}\n`);
  tell({ type: 'state', state: 'ready' });
}

/** The last one takes the process along. */
function leave(address: string): void {
  if (actors.size === 1) process.exit(0);
  actors.get(address)?.channel.send({ type: 'left', clean: true });
  void actors.get(address)?.channel.close();
  actors.delete(address);
}

function leaveUntidily(channel: SupervisorChannel): void {
  channel.send({ type: 'left', clean: false });
  void channel.close().then(() => setTimeout(() => process.exit(1), 50));
}
