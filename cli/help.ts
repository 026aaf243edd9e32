import type { Command, CommandHelp, OptionHelp } from './command.js';
import { commonOptions } from './command.js';

const widthMax = 96;

export function overviewOf(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage: starling <command> [options]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '`starling <command> --help` tells more, `starling --version` which one this is. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no cluster runs; 128 and the number of a signal for work that it cut short.',
  ].join('\n');
}

export function helpOf({ name, usage, summary, text, options, examples }: CommandHelp): string {
  return [
    `Usage: starling ${name}${usage === '' ? '' : ` ${usage}`}`,
    '',
    ...wrap(text ?? `${summary}.`, 0),
    '',
    'Options:',
    ...optionLines([...options, ...commonOptions].filter(({ hidden }) => hidden !== true)),
    ...(examples ? ['', 'Examples:', ...examples.map((example) => `  ${example}`)] : []),
  ].join('\n');
}

function optionLines(options: readonly OptionHelp[]): string[] {
  const names = options.map(({ name, short, value }) => {
    const long = `--${name}${value === undefined ? '' : ` ${value}`}`;
    return short === undefined ? long : `-${short}, ${long}`;
  });
  const width = Math.max(...names.map(({ length }) => length));
  return options.flatMap(({ text }, i) => {
    const [first, ...rest] = wrap(text, width + 4);
    return [`  ${names[i]!.padEnd(width)}  ${first!.trimStart()}`, ...rest];
  });
}

/** Paragraphs to lines of at most `widthMax`, indented. */
function wrap(text: string, indent: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && indent + line.length + 1 + word.length > widthMax) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line].map((each) => ' '.repeat(indent) + each);
  });
}
