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

/** Undefined when there is none in time; the timer does not outlive the answer: one for each request would pile up. */
export async function outcomeWithin(
  ms: number,
  outcome: Promise<Outcome>,
): Promise<Outcome | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  const first = await Promise.race([outcome, late]);
  clearTimeout(timer);
  return first;
}
