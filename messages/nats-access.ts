/** How to reach NATS servers, in the role of the actor's kind. */
export interface NatsAccess {
  /** The name of the cluster, by which its subjects and streams are called. */
  readonly cluster: string;
  /** The data center that learns and answers, where there is one: see `namesOf`. */
  readonly whole?: string;
  /** Home, the server of the actor's own data center, first; the others are for when it is gone. */
  readonly url: readonly string[];
  readonly user: string;
  readonly password: string;
  /** Where this role may receive replies; the client's own default on servers that don't tell roles apart. */
  readonly inboxPrefix?: string;
  /** Absent: not encrypted. */
  readonly tls?: TlsFiles;
}

/** Paths of PEM files: whom to believe, and what to show to a server that asks who is there. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}
