/** The few terminal codes a live view needs. A style that is off answers its text unchanged. */
export type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold';

const codes: Record<Colour, readonly [on: number, off: number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

const escape = '\u001b[';

export const cursor = {
  up: (lines: number) => (lines > 0 ? `${escape}${lines}A` : ''),
  lineStart: '\r',
  clearToLineEnd: `${escape}K`,
  clearBelow: `${escape}J`,
  clearScreen: `${escape}2J${escape}H`,
  hide: `${escape}?25l`,
  show: `${escape}?25h`,
} as const;

/** Paints text, or not at all where colours are unwanted. */
export type Paint = (colour: Colour, text: string) => string;

export function painter(enabled: boolean): Paint {
  return (colour, text) => {
    if (!enabled || text === '') return text;
    const [on, off] = codes[colour];
    return `${escape}${on}m${text}${escape}${off}m`;
  };
}

const colourCode = String.raw`\[\d+m`;
const colourCodes = new RegExp(`\u001b${colourCode}`, 'g');
/** In a group, so that a text split by it keeps the codes. */
const betweenCodes = new RegExp(`(\u001b${colourCode})`);

/** Characters that take a place on the screen; ours are all one column wide. */
export function visibleLength(text: string): number {
  return [...text.replace(colourCodes, '')].length;
}

/** At most `width` columns, an ellipsis where something was cut; colours that were on are switched off. */
export function truncate(text: string, width: number): string {
  if (visibleLength(text) <= width) return text;
  if (width < 1) return '';
  let out = '';
  let columns = 0;
  let coloured = false;
  for (const part of text.split(betweenCodes)) {
    if (part.startsWith(escape)) {
      out += part;
      coloured = true;
      continue;
    }
    for (const character of part) {
      if (columns === width - 1) return `${out}…${coloured ? `${escape}0m` : ''}`;
      out += character;
      columns++;
    }
  }
  return out;
}

/** Right-padded to `width` columns. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleLength(text)));
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** One bar per value between 0 and `top`; a blank where there is none. The last `width` values are shown. */
export function sparkline(values: readonly number[], top: number, width: number): string {
  return values
    .slice(-width)
    .map((value) => {
      if (!Number.isFinite(value) || !(top > 0)) return ' ';
      const bar = Math.floor((value / top) * bars.length);
      return bars[Math.max(0, Math.min(bars.length - 1, bar))];
    })
    .join('');
}
