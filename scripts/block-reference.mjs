// What a network is written against, as core/model/blocks.ts and network.ts say it: shapes, masks and gradients of blocks, inputs, and which
// executors have a block.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { markdownTable } from './statecharts.mjs';

const intro =
  'What a network is written against ([how](networks.md#one-of-your-own)). A value has a row for each of n examples, or one for each occurrence of a slot, of which examples have different numbers; blocks on rows take either. A bias is [c]. In gradients d is that of the result, y the result, ⊙ a product number by number. All of it is known before the first batch, and what does not fit is refused by the block that it is given to.';

/** @param {string} root @returns {Promise<string>} markdown */
export async function blockTables(root) {
  const load = (file) => import(new URL(`../dist/core/model/${file}`, import.meta.url));
  const { tensorBlocks } = await load('tensorflow/tensor-blocks.js');
  const { blockKernels } = await load('kernels/block-kernels.js');
  const blocks = membersOf(root, 'core/model/blocks.ts', 'Blocks').map(
    ({ name, signature, text, gradient }) => {
      const isComputed = name in blockKernels;
      const others = isComputed && !(name in tensorBlocks) ? ' Not by libtensorflow.' : '';
      return [`\`${name}(${signature})\``, `${text}${others}`, gradient];
    },
  );
  const inputs = membersOf(root, 'core/model/network.ts', 'NetworkInputs').map(
    ({ name, signature, text }) => [`\`${name}${signature && `(${signature})`}\``, text],
  );
  const masks = typeText(root, 'core/model/blocks.ts', 'AttentionMask');
  return [
    intro,
    '## Inputs',
    markdownTable(['input', 'what it is'], inputs),
    '## Blocks',
    markdownTable(['block', 'what it says', 'gradient'], blocks),
    '## Masks',
    `Of \`attention\`: ${masks}`,
  ].join('\n\n');
}

function sourceOf(root, file) {
  const text = readFileSync(path.join(root, file), 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

function membersOf(root, file, name) {
  const source = sourceOf(root, file);
  const found = source.statements.find(
    (each) => ts.isInterfaceDeclaration(each) && each.name.text === name,
  );
  return found.members.map((member) => {
    const parameters =
      member.parameters ??
      (member.type && ts.isFunctionTypeNode(member.type) ? member.type.parameters : []);
    const [doc] = ts.getJSDocCommentsAndTags(member);
    const tag = doc?.tags?.find(({ tagName }) => tagName.text === 'gradient');
    return {
      name: member.name.text,
      signature: parameters.map((each) => each.name.getText(source)).join(', '),
      text: oneLine(ts.getTextOfJSDocComment(doc?.comment)),
      gradient: oneLine(ts.getTextOfJSDocComment(tag?.comment)),
    };
  });
}

function typeText(root, file, name) {
  const found = sourceOf(root, file).statements.find(
    (each) => ts.isTypeAliasDeclaration(each) && each.name.text === name,
  );
  return oneLine(ts.getTextOfJSDocComment(ts.getJSDocCommentsAndTags(found)[0]?.comment));
}

function oneLine(text = '') {
  return text.replaceAll(/\s+/g, ' ').trim();
}
