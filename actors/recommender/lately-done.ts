import { StarlingError, codeOf, errorCodes } from '../../core/base/errors.js';
import { hopedTypes } from '../../core/blueprint/join-rules.js';
import { durationMsOf } from '../../core/config/duration.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { FeaturesReply, FeaturesRequest } from '../../messages/features.js';
import { personIn, type RecommendRequest } from '../../messages/public.js';
import type { Deadline } from '../../runtime/deadline.js';

/** Of the time that is left: as long as candidates are scored, it costs nothing. */
const share = 1 / 3;
const msMax = 250;

export interface LatelyDoneOptions {
  readonly config: Pick<ClusterConfig, 'events' | 'outcomes' | 'joining' | 'serving'>;
  /** What is left out where a request says nothing, as of now: settings change it. Default: as configured. */
  readonly exclude?: () => ClusterConfig['serving']['exclude'];
  /** Since 1970. */
  readonly nowMs: () => number;
  /** Asks a feature store. */
  readonly ask: (request: FeaturesRequest, deadlineMs: number) => Promise<FeaturesReply>;
}

export interface LeftOut {
  readonly items: ReadonlySet<string>;
  /** Nobody knows in time. */
  readonly degraded: boolean;
}

const nothing: LeftOut = { items: new Set(), degraded: false };

/** What somebody did something with lately, and should not be offered again. */
export class LatelyDone {
  readonly #options: LatelyDoneOptions;
  readonly #hoped: readonly string[];

  constructor(options: LatelyDoneOptions) {
    this.#options = options;
    this.#hoped = [...hopedTypes(options.config)];
  }

  /** @throws StarlingError BAD_REQUEST for types of events that there are not. */
  async itemsOf(request: RecommendRequest, deadline: Pick<Deadline, 'share'>): Promise<LeftOut> {
    const { config, nowMs, ask, exclude = () => config.serving.exclude } = this.#options;
    const usual = exclude();
    const { events: types = usual.events ?? this.#hoped, within = usual.within } = request.exclude;
    const stranger = types.find((type) => !Object.hasOwn(config.events, type));
    if (stranger !== undefined) throw unknownType(stranger, Object.keys(config.events));
    if (types.length === 0) return nothing;
    const lately = { types, sinceMs: nowMs() - durationMsOf(within)! };
    const asked = { users: [personIn(request)], items: [], lately };
    try {
      const reply = await ask(asked, deadline.share(share, msMax));
      return { items: new Set(reply.lately[0]), degraded: false };
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return { ...nothing, degraded: true };
    }
  }
}

function unknownType(type: string, known: readonly string[]): StarlingError {
  const text = `recommend.exclude.events: expected types of events, ${known.join(', ')}; got "${type}".`;
  return new StarlingError('BAD_REQUEST', text, { field: 'exclude.events' });
}
