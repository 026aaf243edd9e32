/** Failed recommendations, told once a second however many there are. */
export class FailureLog {
  readonly #log: (line: string) => void;
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  add(site: string, code: string): void {
    const what = `in ${site}: ${code}`;
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    this.#timer ??= setTimeout(() => this.flush(), 1_000);
  }

  /** Tells what was not told yet. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const words = [...this.#counts].map(([what, count]) => `${count} ${what}`);
    this.#counts.clear();
    if (words.length > 0) this.#log(`recommendations failed: ${words.join(', ')}`);
  }
}
