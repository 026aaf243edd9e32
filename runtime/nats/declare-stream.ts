import { DiscardPolicy, nanos, RetentionPolicy, StorageType } from 'nats';
import type { Placement, StreamAPI, StreamConfig } from 'nats';
import { StarlingError } from '../../core/base/errors.js';
import type { StreamDeclaration } from '../../messages/declared-streams.js';
import { isNameInUse, orUndefined } from './nats-errors.js';

/**
 * Creates the stream, or brings it up to the declaration. Safe to call again and from several processes. How long its
 * messages may be is asked for where it is created; after that it is as setMessageBytesMax has left it.
 * @throws StarlingError STATE_INVALID when the server does not echo what was asked (old servers drop settings).
 */
export async function declareStream(
  streams: StreamAPI,
  declaration: StreamDeclaration,
  placed: boolean,
): Promise<void> {
  const { name, subjects = [] } = declaration;
  const config = streamConfig(declaration, placed);
  const update = async () => {
    const { max_msg_size } = (await streams.info(name)).config;
    return streams.update(name, { ...config, max_msg_size });
  };
  // Looked for first: to create once more what is there and has sources is never answered (2.9.10).
  const known = await orUndefined(streams.info(name));
  const created = known ? update() : streams.add(config);
  const info = await created.catch((error: unknown) => {
    if (isNameInUse(error)) return update();
    throw error;
  });
  const missing = subjects.filter((subject) => !info.config.subjects.includes(subject));
  if (missing.length === 0) return;
  throw new StarlingError('STATE_INVALID', `stream ${name} does not take ${missing.join(', ')}.`);
}

export async function setReplicas(
  streams: StreamAPI,
  name: string,
  replicas: number,
): Promise<void> {
  const { config } = await streams.info(name);
  if (config.num_replicas === replicas) return;
  await streams.update(name, { ...config, num_replicas: replicas });
}

/** @param bytesMax a longer message is refused; -1: any is taken. */
export async function setMessageBytesMax(
  streams: StreamAPI,
  name: string,
  bytesMax: number,
): Promise<void> {
  const { config } = await streams.info(name);
  if (config.max_msg_size === bytesMax) return;
  await streams.update(name, { ...config, max_msg_size: bytesMax });
}

function streamConfig(
  declaration: StreamDeclaration,
  placed: boolean,
): Partial<StreamConfig> & { name: string } {
  return {
    name: declaration.name,
    ...(declaration.subjects === undefined ? {} : { subjects: [...declaration.subjects] }),
    ...(declaration.sources === undefined
      ? {}
      : {
          sources: declaration.sources.map(({ stream, subject }) => ({
            name: stream,
            filter_subject: subject,
          })),
        }),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: declaration.replicas ?? 1,
    max_age: nanos(declaration.maxAgeMs),
    max_msg_size: declaration.maxMessageBytes ?? -1,
    max_msgs_per_subject: declaration.maxMessagesPerSubject ?? -1,
    discard: declaration.discard === 'old' ? DiscardPolicy.Old : DiscardPolicy.New,
    duplicate_window: nanos(declaration.duplicateWindowMs),
    allow_direct: true,
    ...(placed ? { placement: placementIn(declaration.cluster) } : {}),
  };
}

/** Without the tags that its type asks for: to the server, an empty list is another place, and an update a move. */
function placementIn(cluster: string): Placement {
  return { cluster } as Placement;
}
