import { StarlingError } from '../../core/base/errors.js';
import { nearestOf } from '../../core/config/fields.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { encodeContext } from '../../core/features/origin.js';
import type { Transform } from '../../core/features/transform.js';
import type { PublicAction } from '../../messages/public.js';
import { eventTime } from '../shared/event-times.js';
import { IgnoredEvents, type IgnoredReason } from './ignored-events.js';

const typeDefault = 'click';

export interface CheckedEventsOptions {
  readonly config: Pick<ClusterConfig, 'events' | 'currency' | 'rates' | 'ignore' | 'limits'>;
  readonly transform: Transform;
}

/** What an event by hand says, whichever door it came by. */
export class CheckedEvents {
  readonly ignored: IgnoredEvents;
  readonly #options: CheckedEventsOptions;

  constructor(options: CheckedEventsOptions) {
    this.#options = options;
    this.ignored = new IgnoredEvents(options.config);
  }

  /** One event by itself, so that a bad one among many is told apart. @throws StarlingError */
  check(event: PublicAction, acceptedAtMs: number): void {
    const { config, transform } = this.#options;
    const { type = typeDefault, currency, value } = event;
    eventTime(event.timestamp, acceptedAtMs);
    encodeContext(transform, event.context, 'organic');
    if (!Object.hasOwn(config.events, type)) throw unknownType(type, Object.keys(config.events));
    if (value === undefined || currency === undefined || currency === config.currency) return;
    if (Object.hasOwn(config.rates, currency)) return;
    throw new StarlingError(
      'BAD_EVENT',
      `currency: expected ${[config.currency, ...Object.keys(config.rates)].join(', ')}; got ${currency}; name its rate in rates.`,
      { field: 'currency' },
    );
  }

  /** Why nothing is to be made of it; undefined: it counts. */
  reasonOf(event: PublicAction, acceptedAtMs: number): IgnoredReason | undefined {
    // A clock that is ahead must not make a person's next hours one.
    const atMs = Math.min(acceptedAtMs, eventTime(event.timestamp, acceptedAtMs));
    return this.ignored.reasonOf(event, atMs);
  }

  /** By the names of the columns of an event, without where it came from. */
  factsOf(event: PublicAction): Record<string, string | number> {
    const { user, visitor, type, order, quantity, currency } = event;
    return known({
      ...{ users: user, visitors: visitor, types: type, orders: order, quantities: quantity },
      ...{ values: this.#valueOf(event), currencies: currency },
    });
  }

  /** In the currency of the cluster. */
  #valueOf({ value, currency }: PublicAction): number | undefined {
    const { config } = this.#options;
    if (value === undefined || currency === undefined || currency === config.currency) return value;
    return value * config.rates[currency]!;
  }
}

export function known(
  facts: Readonly<Record<string, string | number | undefined>>,
): Record<string, string | number> {
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string | number>;
}

function unknownType(type: string, types: readonly string[]): StarlingError {
  const nearest = nearestOf(type, types);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return new StarlingError(
    'BAD_EVENT',
    `type: expected one of ${types.join(', ')}, as the configuration names them in events; got "${type}"${hint}`,
    { field: 'type' },
  );
}
