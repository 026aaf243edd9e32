import { decode } from '../../messages/codec.js';
import type { DenseVersion, ReadNetwork } from '../../messages/network-state.js';
import { parseDenseVersion } from '../../messages/network-state.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { modelOf } from '../../core/config/schema.js';

/** More waiting than this means the rows of the data center stand still; the oldest waiting version is dropped. */
const waitingMax = 16;

/**
 * The dense versions of the data center. A version is served only once the rows here know all that it was trained on:
 * network and rows that do not belong together score worse than either age alone. Until then the version before stays.
 */
export class DenseFollower {
  readonly #context: ActorContext;
  readonly #shape: ReadNetwork;
  #following: Following | undefined;
  #active: DenseVersion | undefined;
  #waiting: DenseVersion[] = [];
  #announceFirst: () => void = () => undefined;
  readonly #first = new Promise<void>((resolve) => (this.#announceFirst = resolve));

  constructor(context: ActorContext, shape: ReadNetwork) {
    this.#context = context;
    this.#shape = shape;
  }

  /** Resolves when there is a version to score with: in a new cluster the first one is still on its way. */
  async start(): Promise<void> {
    const { bus, config, identity, crash } = this.#context;
    const { name } = modelOf(config);
    this.#following = await follow(
      bus,
      {
        stream: bus.names.stream.denseAt(identity.dataCenter),
        filter: bus.names.subject.denseVersion(name),
        lastPerSubject: true,
      },
      ({ bytes }) => {
        this.#waiting.push(parseDenseVersion(decode(bytes), this.#shape, name));
        if (this.#waiting.length > waitingMax) this.#waiting.shift();
        this.#announceFirst();
      },
      crash,
    );
    await this.#following.caughtUp;
    await this.#first;
  }

  async stop(): Promise<void> {
    await this.#following?.stop();
  }

  /** The newest version that rows which know `through` may be scored with; the very first one needs no rows. */
  versionFor(through: number): DenseVersion | undefined {
    let newest = -1;
    for (const [i, version] of this.#waiting.entries())
      if (version.trainedThrough <= through) newest = i;
    if (newest >= 0) {
      this.#active = this.#waiting[newest];
      this.#waiting.splice(0, newest + 1);
    }
    return this.#active ?? this.#waiting[0];
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get activeVersion(): number {
    return this.#active?.denseVersion ?? 0;
  }
}
