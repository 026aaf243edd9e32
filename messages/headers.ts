/** Names of the headers of messages, each in one place; NATS's own are the client's affair. */
export const header = {
  /** How many milliseconds the caller of a request waits; see timeout.ts. */
  timeoutMs: 'Starling-Timeout-Ms',
  /** Of samples: number in the joiner's outbox, so that a restarted joiner knows what the stream has already. */
  outboxNumber: 'Starling-Outbox',
  /** Of samples: the store that made them, and where they stand in what its window makes of JOIN. */
  window: 'Starling-Window',
  position: 'Starling-Position',
  /** Of samples that are told again: which dead letter they are out of, as its sequence and place. */
  letter: 'Starling-Letter',
  /** W3C Trace Context. Reserved: nobody writes or reads it yet; whoever does hands it on with what he sends in answer. */
  trace: 'traceparent',
} as const;
