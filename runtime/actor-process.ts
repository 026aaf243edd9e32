import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import type { Logger } from 'pino';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { ParentMessage, StartMessage } from '../messages/child-messages.js';
import { ActorLife, type ConnectionHandlers } from './actor-life.js';
import type { CreateActor } from './actor.js';
import type { Bus } from './bus/bus.js';
import { connectAs } from './nats/nats-bus.js';
import { Neighbourhood } from './neighbours/neighbourhood.js';
import { storesIn } from './stores/lmdb-actor-stores.js';
import { SupervisorChannel } from './supervisor-channel.js';
import { system } from './system.js';

/** All actors of this process. */
const neighbours = new Neighbourhood();

/**
 * The process of one actor. Credentials and configuration come over the IPC channel, never on the command line. When
 * the channel closes the supervisor is gone: the actor goes on for `supervision.orphanMs` and looks for the next one;
 * if none comes it drains and ends, so that no process is left behind for good.
 */
export function runActorProcess(load: (kind: ActorKind) => Promise<CreateActor>): void {
  // Ctrl-C reaches the whole terminal group; the supervisor stops its actors in order.
  process.on('SIGINT', () => undefined);
  // Without a start message there is nothing to go on with.
  const leave = (): never => process.exit(0);
  process.once('disconnect', leave);
  process.once('message', (message: ParentMessage) => {
    process.off('disconnect', leave);
    if (message.type === 'start') live(message, load);
    else process.exit(0);
  });
}

function live(start: StartMessage, load: (kind: ActorKind) => Promise<CreateActor>): void {
  const { address, kind, dataCenter, index, epoch, ended, partitions, serving = true } = start;
  const config = start.config as ClusterConfig;
  const log = pino({ base: { address, epoch } }, pino.destination({ dest: 1, sync: true }));
  const life: ActorLife = new ActorLife({
    ...system,
    identity: {
      ...{ address, kind, dataCenter, index, epoch, partitions },
      ...(ended === undefined ? {} : { ended }),
    },
    ...{ config, serving, log, load },
    stores: () => storesIn(ownFolder(start), index, system.random),
    connect: (handlers) => connect(start, handlers),
    neighbours,
    tell: (message) => supervisor.send(message),
    usage: () => ({ rssBytes: process.memoryUsage.rss(), cpuMs: cpuMs() }),
    exit: (code, bus) => void exit(code, bus, supervisor),
  });
  // In the same turn of the event loop as the start message came: the next message may follow at once.
  const supervisor = listen(start, life, log);
  process.on('uncaughtException', (error) => life.fail(error, 'uncaught exception'));
  process.on('unhandledRejection', (error) => life.fail(error, 'unhandled rejection'));
  process.on('SIGTERM', () => life.stop());
  life.run();
}

function listen(start: StartMessage, life: ActorLife, log: Logger): SupervisorChannel {
  return new SupervisorChannel({
    start,
    orphanMs: (start.config as ClusterConfig).supervision.orphanMs,
    state: () => life.state,
    onStop: ({ drainMs }) => life.stop(drainMs),
    onServe: ({ open }) => life.serve(open),
    onOrphaned: () => log.warn('the supervisor is gone; waiting for the next one'),
    onAdopted: () => {
      log.info('supervised again');
      life.beat();
    },
    onAbandoned: (reason) => {
      log.warn({ reason }, 'nobody supervises this actor; it leaves');
      life.stop();
    },
  });
}

async function connect(
  { nats, address }: StartMessage,
  handlers: ConnectionHandlers,
): Promise<Bus> {
  const { onClosed, ...others } = handlers;
  const bus = await connectAs(nats, { name: address, ...others });
  void bus.closed().then((error) => {
    if (error) onClosed(error);
  });
  return bus;
}

function ownFolder({ stateDir, address }: StartMessage): string {
  const folder = path.join(stateDir, 'actors', address);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function exit(
  code: number,
  bus: Bus | undefined,
  supervisor: SupervisorChannel,
): Promise<void> {
  // The last words must leave before the process does.
  setTimeout(() => process.exit(code), 500).unref();
  await bus?.close().catch(() => undefined); // The process ends anyway; the server notices.
  await supervisor.close();
  process.exit(code);
}

/** Processor time of this process so far: where the time of a cluster goes. */
function cpuMs(): number {
  const { user, system: kernel } = process.cpuUsage();
  return Math.round((user + kernel) / 1000);
}
