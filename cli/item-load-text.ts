import type { ItemLoadResult } from '../operations/item-files/load-items.js';

const counted = (count: number): string => count.toLocaleString('en-US');

/** What a file of items changed, in one line. */
export function itemLoadText(result: ItemLoadResult): string {
  const { rows, added, changed, unchanged, hidden, broughtBack } = result;
  const back = broughtBack > 0 ? ` (${counted(broughtBack)} brought back)` : '';
  const parts = [
    ...[`${counted(added)} added`, `${counted(changed)} changed${back}`],
    ...[`${counted(unchanged)} unchanged`, `${counted(hidden)} hidden`],
  ];
  return `${parts.join(', ')}; ${counted(rows)} rows`;
}
