export type Outcome =
  | { readonly answered: true; readonly answer: unknown }
  | { readonly answered: false; readonly error: unknown };

/** How it ends; never rejects, so it may be dropped. */
export function outcomeOf(attempt: Promise<unknown>): Promise<Outcome> {
  return attempt.then(
    (answer) => ({ answered: true, answer }),
    (error: unknown) => ({ answered: false, error }),
  );
}
