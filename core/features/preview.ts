/** Longer values are cut: an error message is read by people, and may travel in a dead letter. */
const previewLengthMax = 60;

/** A value as an error message shows it: JSON, cut to a readable length, `nothing` where there is none. */
export function preview(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = textOf(value);
  return text.length > previewLengthMax ? `${text.slice(0, previewLengthMax)}…` : text;
}

function textOf(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value); // JSON shows NaN as null.
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return `a ${typeof value}`; // Circular, or a bigint inside: the type is all there is to show.
  }
}
