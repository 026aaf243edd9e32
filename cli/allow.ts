import type { Arguments, OptionHelp } from './command.js';
import { UsageError } from './command.js';

/** Nothing that was learned is forgotten without being named. */
export const allowOption: OptionHelp = {
  name: 'allow',
  value: 'LIST',
  text: 'what a changed configuration may forget, such as forget:brand,forget:model.network; see starling config plan',
};

const prefix = 'forget:';

/** @throws UsageError */
export function allowedBy(args: Arguments): string[] {
  const text = args.value('allow');
  if (text === undefined) return [];
  return text.split(',').map((each) => {
    const word = each.trim();
    if (word.startsWith(prefix) && word.length > prefix.length) return word.slice(prefix.length);
    throw new UsageError(
      `--allow: expected ${prefix}NAME, or several separated by commas; got "${word}".`,
    );
  });
}
