import { existsSync } from 'node:fs';
import {
  parseParentMessage,
  type ChildMessage,
  type ReportedState,
  type StartMessage,
} from '../messages/child-messages.js';
import { SupervisorChannel } from '../runtime/supervisor-channel.js';

/**
 * An actor that does nothing but live, for tests of its supervisor. `config` of its start message says how it behaves:
 * the manner of its address, else `steady`.
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
  /** Gets ready, and never looks for another supervisor when it loses its own. */
  | 'lost';

export interface FixtureConfig {
  readonly manners: Readonly<Record<string, FixtureManner>>;
  /** How long it waits for another supervisor; 0 if left out. */
  readonly orphanMs?: number;
}

const fixtureHeartbeatMs = 50;
/** Whether it would answer the public. */
let serving = true;

process.once('message', (value) => {
  const message = parseParentMessage(value);
  if (message?.type === 'start') start(message);
});

function start(message: StartMessage): void {
  const { manners, orphanMs = 0 } = message.config as FixtureConfig;
  const manner = manners[message.address] ?? 'steady';
  process.stdout.write(`${message.address} epoch ${message.epoch} is ${manner}\n`);
  if (manner === 'crashing') process.exit(3);
  if (manner === 'starving' && !existsSync(`${message.stateDir}/healed`)) {
    const full = { type: 'failed', code: 'STORAGE_FULL', message: 'no space left' } as const;
    process.send?.(full, () => process.exit(1));
    return;
  }
  if (manner === 'lost') return live(message, (words) => process.send?.(words, () => undefined));
  serving = message.serving ?? true;
  let state: ReportedState = 'starting';
  const supervisor = new SupervisorChannel({
    start: message,
    orphanMs,
    state: () => state,
    onStop: () => {
      if (manner !== 'deaf') process.exit(0);
    },
    onServe: ({ open }) => {
      serving = open;
    },
    onOrphaned: () => undefined,
    onAdopted: () => undefined,
    onAbandoned: () => process.exit(0),
  });
  live(message, (words) => {
    if (words.type === 'state') state = words.state;
    supervisor.send(words);
  });
}

function live(message: StartMessage, tell: (words: ChildMessage) => void): void {
  tell({ type: 'state', state: 'restoring' });
  const { partitions, nats } = message;
  setInterval(
    () => tell({ type: 'heartbeat', atMs: Date.now(), stats: { partitions, serving } }),
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
