/** What a benchmark measured: rates per second, bytes or ratios by name, and the words that qualify them. */
export interface BenchResult {
  name: string;
  figures: Record<string, number | string>;
}
