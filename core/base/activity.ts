/** What joiners tell of people, in order, to whoever keeps what they did: each thing once. */
export type Activity =
  | {
      readonly kind: 'event';
      readonly person: string;
      readonly type: string;
      readonly item: string;
      readonly id: string;
      readonly atMs: number;
      /** NaN: none. */
      readonly value: number;
      readonly order: string;
    }
  /** An item was put before somebody. */
  | {
      readonly kind: 'shown';
      readonly person: string;
      readonly item: string;
      readonly atMs: number;
    }
  /** It is known now what became of an item that was shown; zeros are told too. */
  | {
      readonly kind: 'outcome';
      readonly person: string;
      readonly outcome: string;
      readonly label: number;
      readonly item: string;
      readonly requestId: string;
      /** Of the impression. */
      readonly atMs: number;
    }
  | { readonly kind: 'merged'; readonly user: string; readonly visitor: string }
  | { readonly kind: 'erased'; readonly person: string };

/** What of it anybody asks for; people who are merged or erased are always told of. */
export interface ActivityWanted {
  readonly events: boolean;
  readonly shown: boolean;
  readonly outcomes: boolean;
}
