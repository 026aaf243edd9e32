import type { ClusterNames } from '../../messages/cluster-names.js';
import { encode } from '../../messages/codec.js';
import type { Actions, Impressions } from '../../messages/events.js';
import {
  actionsMessage,
  impressionsMessage,
  selectActions,
  selectImpressions,
} from '../../messages/events.js';
import type { ExampleSpec } from '../../messages/example-columns.js';
import { featureChangeMessage } from '../../messages/features.js';
import type { PublicFeatures } from '../../messages/public.js';
import { splitByJoiner } from './event-split.js';
import { changesOf } from './public-events.js';

export interface ForwarderPorts {
  readonly spec: ExampleSpec;
  readonly joinerCount: number;
  readonly subject: ClusterNames['subject'];
  /** Resolves when the stream of the subject has it. */
  readonly append: (subject: string, bytes: Uint8Array) => Promise<unknown>;
}

/** The processor's way out: checked events to the joiner of their request, and features to FEATURES. */
export class EventForwarder {
  readonly counts = { impressions: 0, actions: 0, features: 0 };
  readonly #ports: ForwarderPorts;

  constructor(ports: ForwarderPorts) {
    this.#ports = ports;
  }

  async impressions(batch: Impressions): Promise<void> {
    this.counts.impressions += batch.items.length;
    await this.#toJoiners(batch.requestIds, (rows) =>
      impressionsMessage(this.#ports.spec, rows ? selectImpressions(batch, rows) : batch),
    );
  }

  async actions(batch: Actions): Promise<void> {
    this.counts.actions += batch.items.length;
    await this.#toJoiners(batch.requestIds, (rows) =>
      actionsMessage(rows ? selectActions(batch, rows) : batch, this.#ports.spec),
    );
  }

  /** One after the other: the last word on an entity must come last. */
  async features(events: readonly PublicFeatures[]): Promise<void> {
    this.counts.features += events.length;
    for (const change of changesOf(events))
      await this.#ports.append(
        this.#ports.subject.features(change.entity),
        encode(featureChangeMessage(change)),
      );
  }

  async #toJoiners(
    requestIds: readonly string[],
    messageOf: (rows: number[] | undefined) => unknown,
  ): Promise<void> {
    const { joinerCount, subject, append } = this.#ports;
    const split = splitByJoiner(requestIds, joinerCount);
    if (!split) {
      await append(subject.join(0), encode(messageOf(undefined)));
      return;
    }
    const sends = [...split.entries()].filter(([, rows]) => rows.length > 0);
    await Promise.all(
      sends.map(([joiner, rows]) => append(subject.join(joiner), encode(messageOf(rows)))),
    );
  }
}
