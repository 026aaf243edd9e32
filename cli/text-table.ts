/** Columns as wide as their widest cell; the last one is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_unused, c) => Math.max(...all.map((row) => row[c]!.length)));
  return all.map((row) =>
    `  ${row.map((cell, c) => (c < row.length - 1 ? cell.padEnd(widths[c]!) : cell)).join('  ')}`.trimEnd(),
  );
}
