import { existsSync } from 'node:fs';
import {
  parseParentMessage,
  type ChildMessage,
  type StartMessage,
} from '../messages/supervision.js';

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
  | 'deaf';

export interface FixtureConfig {
  readonly manners: Readonly<Record<string, FixtureManner>>;
}

const fixtureHeartbeatMs = 50;
/** Whether it would answer the public. */
let serving = true;

process.on('message', (value) => {
  const message = parseParentMessage(value);
  if (message?.type === 'start') start(message);
});
process.on('disconnect', () => process.exit(0));

function start(message: StartMessage): void {
  const manner = (message.config as FixtureConfig).manners[message.address] ?? 'steady';
  process.stdout.write(`${message.address} epoch ${message.epoch} is ${manner}\n`);
  if (manner === 'crashing') process.exit(3);
  if (manner === 'starving' && !existsSync(`${message.stateDir}/healed`)) {
    tell({ type: 'failed', code: 'STORAGE_FULL', message: 'no space left' }, () => process.exit(1));
    return;
  }
  serving = message.serving ?? true;
  tell({ type: 'state', state: 'restoring' });
  tell({ type: 'state', state: 'ready' });
  const stats = {
    partitions: message.partitions,
    user: message.nats.user,
    argv: process.argv.slice(2),
    nodeOptions: process.env['NODE_OPTIONS'] ?? null,
  };
  setInterval(
    () => tell({ type: 'heartbeat', atMs: Date.now(), stats: { ...stats, serving } }),
    fixtureHeartbeatMs,
  );
  if (manner !== 'deaf') {
    process.on('message', (value) => {
      const message = parseParentMessage(value);
      if (message?.type === 'stop') process.exit(0);
      if (message?.type === 'serve') serving = message.open;
    });
  }
}

function tell(message: ChildMessage, sent: () => void = () => undefined): void {
  process.send?.(message, sent);
}
