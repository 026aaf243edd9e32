import { totalsOf, type FlameNode } from './merge-profiles.js';
import { stages, type Stage } from './stages.js';

/**
 * A flame graph in one file that any browser shows: processes on top, their stages below, then calls; as wide as their time. A click on a
 * box widens it, one on the uppermost goes back; what it is stands in the tooltip.
 */
export interface FlameOptions {
  readonly title: string;
  /** Of the time that was watched. */
  readonly wallMs: number;
}

const width = 1_600;
const rowHeight = 17;
const top = 30;
const fontSize = 11;

/** Of all time. Narrower boxes are left out: nobody sees them, and they are most of the file. */
const shareMin = 0.0004;

interface Box {
  readonly node: FlameNode;
  readonly depth: number;
  /** Of 0 to 1. */
  readonly left: number;
  readonly share: number;
}

export function flameSvgOf(root: FlameNode, { title, wallMs }: FlameOptions): string {
  const boxes = boxesOf(root);
  const depth = Math.max(...boxes.map((box) => box.depth)) + 1;
  const totalMs = totalsOf(root).get(root)!;
  const height = top + depth * rowHeight + 10;
  const box = ({ node, depth: row, left, share }: Box): string => {
    const [x, w] = [left * width, share * width];
    const y = top + row * rowHeight;
    const ms = share * totalMs;
    const what = node.file === '' ? node.name : `${node.name} (${node.file})`;
    const tip = `${what}: ${ms.toFixed(1)} ms, ${(100 * share).toFixed(2)} %, ${((100 * ms) / Math.max(1, wallMs)).toFixed(2)} % of a core`;
    return (
      `<g data-x="${left.toFixed(5)}" data-w="${share.toFixed(5)}" data-n="${escaped(node.name)}"><title>${escaped(tip)}</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${w.toFixed(1)}" height="${rowHeight - 1}" fill="${colorOf(node.stage, row)}"/>` +
      `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(fitting(node.name, w))}</text></g>`
    );
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="${fontSize}">`,
    '<style>g { cursor: pointer } text { pointer-events: none } g:hover rect { stroke: #000 }</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="8" y="19" font-size="14">${escaped(title)}</text>`,
    ...boxes.map(box),
    `<script>//<![CDATA[\n${zoom}\n//]]></script>`,
    '</svg>',
    '',
  ].join('\n');
}

function boxesOf(root: FlameNode): Box[] {
  const totals = totalsOf(root);
  const all = Math.max(Number.MIN_VALUE, totals.get(root)!);
  const boxes: Box[] = [{ node: root, depth: 0, left: 0, share: 1 }];
  // The loop goes on with what it appends.
  for (const { node, depth, left } of boxes) {
    let at = left;
    const byTime = [...node.children.values()].sort((a, b) => totals.get(b)! - totals.get(a)!);
    for (const child of byTime) {
      const share = totals.get(child)! / all;
      if (share >= shareMin) boxes.push({ node: child, depth: depth + 1, left: at, share });
      at += share;
    }
  }
  return boxes;
}

const charWidth = 0.61 * fontSize;

function fitting(name: string, room: number): string {
  const chars = Math.floor((room - 6) / charWidth);
  if (chars < 3) return '';
  return name.length <= chars ? name : `${name.slice(0, chars - 1)}…`;
}

/** A hue for each stage; rows alternate a little, so that boxes are told apart. */
function colorOf(stage: Stage | undefined, row: number): string {
  if (stage === undefined) return '#d0d4da';
  const hue = Math.round((360 * stages.indexOf(stage) * 7) / stages.length) % 360;
  return `hsl(${hue},65%,${row % 2 === 0 ? 74 : 78}%)`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Runs in the browser. */
const zoom = `
const boxes = [...document.querySelectorAll('g')];
const number = (box, name) => Number(box.getAttribute('data-' + name));
const show = (left, share) => {
  for (const box of boxes) {
    const x = ((number(box, 'x') - left) / share) * ${width};
    const w = (number(box, 'w') / share) * ${width};
    const from = Math.max(0, x);
    const room = Math.min(${width}, x + w) - from;
    box.style.display = room > 0.3 ? '' : 'none';
    const [rect, text] = [box.querySelector('rect'), box.querySelector('text')];
    rect.setAttribute('x', from);
    rect.setAttribute('width', Math.max(0, room));
    text.setAttribute('x', from + 3);
    const chars = Math.floor((room - 6) / ${charWidth});
    const name = box.getAttribute('data-n');
    text.textContent = chars < 3 ? '' : name.length <= chars ? name : name.slice(0, chars - 1) + '…';
  }
};
for (const box of boxes)
  box.addEventListener('click', () => show(number(box, 'x'), Math.max(1e-6, number(box, 'w'))));
`.trim();
