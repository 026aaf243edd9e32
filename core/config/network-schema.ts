import { z } from 'zod';
import { integer, section } from './fields.js';

const names = [
  ...([
    'deepfm',
    'fm',
    'wide-and-deep',
    'dlrm',
    'dcn-v2',
    'din',
    'transformer',
    'two-tower',
    'mlp',
  ] as const),
] as const;
/** As it is part of each version of the configuration. Too low: a network with a package of its own does not fit. */
export const networkCodeMax = 128 * 1024;

/** A network of one's own is named by its file. */
export function isNetworkFile(network: unknown): network is string {
  return typeof network === 'string' && /^\.{0,2}\//.test(network);
}

const error = `expected one of ${names.join(', ')}, or the file of one of your own, such as ./my-network.ts`;

const fileIn = <const T extends string>(folder: T) => z.templateLiteral([folder, z.string()]);

export const networkSchema = z
  .union([z.enum(names), fileIn('./'), fileIn('../'), fileIn('/')], { error })
  .describe(
    'deepfm: pairwise products and a network beside them. fm: the products alone, cheapest. wide-and-deep: the network and the first-order weights, without products. dlrm: a network over the products of all pairs. dcn-v2: layers that multiply inputs, and a network beside them; each request and step pays for the square of the inputs. din: deepfm that weighs the events of histories by the candidate. transformer: din whose events know of those before them; each candidate pays for the square of a history. two-tower: a vector of the user and one of the item, and their product; items can be found by it. mlp: the former name of wide-and-deep. ./my-network.ts: one of your own (docs/networks.md), as seen from the file of the configuration.',
  )
  .default('deepfm');

export const headsSchema = z
  .union(
    [
      z.literal('shared'),
      section({
        experts: integer(
          { min: 2, max: 16 },
          'How many there are. Too few: outcomes that have little in common share what they learn. Too many: each learns of little, and each step and candidate pays for all of them.',
        ),
      }),
    ],
    { error: "expected 'shared', or { experts: 4 }" },
  )
  .default('shared')
  .describe(
    'shared: outcomes share the hidden layers. { experts: 4 }: there are four of these layers, and each outcome mixes them by a gate of its own; worth it where outcomes are of different minds.',
  );

export const networkCodeSchema = z
  .string({ error: 'expected a text' })
  .max(networkCodeMax, { error: `expected at most ${networkCodeMax} characters` })
  .optional()
  .describe(
    'What the file of `network` was bundled to when the configuration was read; nobody writes it. It is part of the version, so all hosts run the same.',
  );
