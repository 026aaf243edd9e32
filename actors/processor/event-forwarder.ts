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
import { featureChangeMessage, featuresNotice } from '../../messages/features.js';
import type { PublicFeatures } from '../../messages/public.js';
import { splitByJoiner } from './event-split.js';
import { changesOf } from './public-events.js';

export interface ForwarderPorts {
  readonly spec: ExampleSpec;
  readonly joinerCount: number;
  readonly subject: ClusterNames['subject'];
  /** Resolves when the stream of the subject has it, with its place there. */
  readonly append: (subject: string, bytes: Uint8Array) => Promise<number>;
  /** Tells who listens; may be lost. */
  readonly tell: (subject: string, bytes: Uint8Array) => void;
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

  /**
   * One after the other: the last word on an entity must come last. Who keeps features is told after the log has them, and
   * where they are in it, so that he can tell a store that has not come as far.
   */
  async features(events: readonly PublicFeatures[]): Promise<void> {
    this.counts.features += events.length;
    const { subject, append, tell } = this.#ports;
    for (const change of changesOf(events)) {
      const { entity, ids } = change;
      const bytes = encode(featureChangeMessage(change));
      const sequence = await append(subject.features(entity), bytes);
      tell(subject.featuresChanged(entity), encode(featuresNotice({ entity, ids, sequence })));
    }
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
