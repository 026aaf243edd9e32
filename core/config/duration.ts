const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30m`, `7d`, `250ms` in milliseconds; undefined for what is no duration above 0. */
export function durationMsOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const ms = match ? Number(match[1]) * unitsMs[match[2] as keyof typeof unitsMs] : 0;
  return ms > 0 ? ms : undefined;
}
