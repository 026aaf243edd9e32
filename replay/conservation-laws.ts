import type { Books } from './replay-books.js';
import type { LetterFigures } from './replay-dead-letters.js';

/**
 * Nothing lost, nothing twice, over one run:
 *
 *   impressions accepted  = impressions joined + those refused before the joiner
 *   impressions joined    = samples (positive + kept negative) + dropped negatives + late ones + ignored ones + still open
 *   batches emitted       = batches applied, for each partition and for the network
 *
 * @returns one sentence with both figures for each law that does not hold.
 */
export function brokenLaws(accepted: number, books: Books, letters: LetterFigures): string[] {
  const { joined, batchesEmitted } = books;
  const { impressions, positives, negatives, negativesDropped, open } = joined;
  const { lateImpressions: late, ignoredImpressions: ignored } = joined;
  const joinedOrRefused = impressions + letters.impressionsRefused;
  const settled = positives + negatives + negativesDropped + late + ignored + open;
  const laws: [holds: boolean, text: string][] = [
    [accepted === joinedOrRefused, `${accepted} impressions accepted, ${joinedOrRefused} arrived`],
    [impressions === settled, `${impressions} impressions arrived, ${settled} are accounted for`],
    ...Object.entries(books.batchesApplied).map(([partition, applied]): [boolean, string] => [
      applied === batchesEmitted,
      `${batchesEmitted} batches emitted, ${applied} applied in partition ${partition}`,
    ]),
    [
      books.denseBatchesApplied === batchesEmitted,
      `${batchesEmitted} batches emitted, ${books.denseBatchesApplied} applied in the network`,
    ],
  ];
  return laws.filter(([holds]) => !holds).map(([, text]) => text);
}
