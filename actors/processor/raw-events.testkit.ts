import { codeOf, messageOf } from '../../core/base/errors.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { NegativeDraws } from '../../core/retrieval/negative-draws.js';
import { AttributeReader } from '../../messages/attribute-reader.js';
import { encodeAs } from '../../messages/codec.js';
import { subject } from '../../messages/default-names.testkit.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import type { FeatureSource } from '../shared/feature-source.js';
import { CheckedAttributes } from './checked-attributes.js';
import { EventActions } from './event-actions.js';
import { EventForwarder } from './event-forwarder.js';
import { RawEvents } from './raw-events.js';

export const spec = featureSpecOf({
  user: { entity: 'user', source: 'user', kind: 'id' },
  item: { entity: 'item', source: 'item', kind: 'id' },
  device: {
    ...{ entity: 'context', source: 'device', kind: 'vocabulary' },
    ...{ values: ['phone'], other: false },
  },
});
export const transform = createTransform(spec);
export const acceptedAtMs = 1_700_000_000_000;
const { events, currency, rates, organic, ignore, limits } = parseClusterConfig({
  features: { item: { entity: 'item', kind: 'id' } },
  events: {
    ...{ click: {}, purchase: { value: 'money' }, refund: { undoes: 'purchase' } },
    dismiss: { negative: true },
  },
  rates: { USD: 0.5 },
  organic: { negatives: 2 },
  ignore: 'event.user.startsWith("staff-") || context.device == "bot"',
  limits: { eventsPerPerson: { max: 3, within: '1h' } },
});
const config = { events, currency, rates, organic, ignore, limits };

/** What comes into a processor, and what it says, to whom. */
export class RawEventsWorld {
  sent: { subject: string; bytes: Uint8Array }[] = [];
  readonly told: { subject: string; bytes: Uint8Array }[] = [];
  readonly buried: [content: unknown, code: string][] = [];
  readonly messages: string[] = [];
  readonly settled: string[] = [];
  letters = 0;
  fails: Error | undefined;
  slow: (subject: string) => boolean = () => false;
  releaseSlow: () => void = () => undefined;
  joinerCount = 1;
  payloadBytesMax = 1 << 20;
  drawn = 0;
  ignored: EventActions['ignored'] | undefined;
  checked: CheckedAttributes | undefined;

  newEvents(): RawEvents {
    const append = async (name: string, bytes: Uint8Array) => {
      if (this.fails) throw this.fails;
      if (this.slow(name)) await new Promise<void>((resolve) => (this.releaseSlow = resolve));
      return this.sent.push({ subject: name, bytes });
    };
    const tell = (name: string, bytes: Uint8Array) => void this.told.push({ subject: name, bytes });
    const source: Pick<FeatureSource, 'get'> = {
      get: async (users, items) => ({
        users: users.map((id) => transform.encodeEntity('user', id, {})),
        items: items.map((id) => transform.encodeEntity('item', id, {})),
        degraded: false,
      }),
    };
    const draws = new NegativeDraws(100, { next: () => (this.drawn++ % 10) / 10 });
    draws.seed(['n1', 'n2', 'n3']);
    const actions = new EventActions({ config, transform, source, draws });
    this.ignored = actions.ignored;
    return new RawEvents({
      spec,
      transform,
      source,
      actions,
      attributes: (this.checked = new CheckedAttributes(
        new AttributeReader(spec, { user: {}, item: { title: 'text' } }),
      )),
      forward: new EventForwarder({
        spec,
        partitions: this.joinerCount,
        payloadBytesMax: this.payloadBytesMax,
        subject,
        append,
        tell,
        nowMs: () => 0,
      }),
      random: () => 1,
      bury: async (_message, rejected) => {
        this.letters++;
        for (const { content, error } of rejected) {
          this.buried.push([content, codeOf(error)]);
          this.messages.push(messageOf(error));
        }
      },
    });
  }

  rawMessage(type: string, bytes: Uint8Array, deliveries = 1): WorkMessage {
    return {
      ...{ subject: `starling.raw.east.${type}`, sequence: 7, atMs: acceptedAtMs, deliveries },
      bytes,
      header: () => undefined,
      ack: () => void this.settled.push('ack'),
      nak: (delayMs) => void this.settled.push(`nak ${delayMs}`),
    };
  }

  byHand(type: string, value: unknown): WorkMessage {
    return this.rawMessage(type, encodeAs('json', value));
  }
}
