import type { ASTNode } from '@marcbachmann/cel-js';
import { Environment } from '@marcbachmann/cel-js';
import { serialize } from '@marcbachmann/cel-js/serialize';
import { StarlingError } from '../../core/base/errors.js';
import { nearestOf } from '../../core/config/fields.js';
import type { AttributeType, AttributeTypes } from '../../core/features/attributes.js';
import type { ItemRow } from '../../core/retrieval/item-row.js';

/**
 * A filter in CEL over `item`, `user`, `context` and `now()`.
 *
 * It is checked twice before it meets an item: names by ourselves, since CEL's `has` takes any and a nearest name helps; types by CEL,
 * against what is declared. Then each comparison is written behind a guard that asks whether what it reads is there, so that a
 * missing value makes that comparison false, and not the whole expression an error: `item.stock > 0 || item.price < 5` is about the price of an
 * item without a stock. Nothing is thrown per item. Whole numbers widen, since nobody writes `5.0` by himself.
 *
 * What CEL can't bound is refused: patterns, which may take for ever, and loops in loops.
 */
export interface FilterScope {
  readonly item: AttributeTypes;
  readonly user: AttributeTypes;
  readonly context: AttributeTypes;
}
type Root = keyof FilterScope;
const roots = ['item', 'user', 'context'] as const satisfies readonly Root[];

/** What an expression is about beside the item: of one request. */
export interface FilterAbout {
  readonly user: ItemRow;
  readonly context: ItemRow;
  readonly now: Date;
  /** Counts comparisons that a missing value made false, by `item.stock`. */
  readonly missing: Map<string, number>;
}

export interface FilterExpression {
  /** Attributes of the user that it reads. */
  readonly ofUser: readonly string[];
  readonly fits: (row: ItemRow, about: FilterAbout) => boolean;
}

const celTypes: Readonly<Record<AttributeType, string>> = {
  ...{ text: 'string', number: 'double', boolean: 'bool', list: 'list' },
  time: 'google.protobuf.Timestamp',
};
/** An expression is written by people; what is longer is made by machines, and is evaluated for each item. */
const limits = { maxAstNodes: 500, maxDepth: 50, maxListElements: 1000 };
const loops = new Set(['exists', 'exists_one', 'all', 'map', 'filter']);

/** Compiles filters of one configuration. */
export class FilterCompiler {
  readonly #scope: FilterScope;
  readonly #typed: Environment;
  readonly #plain: Environment;
  /** Of the expression that is evaluated now. */
  #about: FilterAbout | undefined;
  #item: ItemRow = {};

  constructor(scope: FilterScope) {
    this.#scope = scope;
    const now = () => this.#about?.now ?? new Date(0);
    const named = () =>
      widened(new Environment({ homogeneousAggregateLiterals: false, limits })).registerFunction(
        'now(): google.protobuf.Timestamp',
        now,
      );
    this.#typed = named();
    // The map itself is no argument: an engine looks at all that is in one to tell its type.
    this.#plain = named().registerFunction(
      'known(string, string): bool',
      (root: Root, name: string) => this.#isKnown(root, name),
    );
    for (const root of roots) {
      const schema = Object.entries(scope[root]).map(([name, type]) => [name, celTypes[type]]);
      this.#typed.registerVariable({
        ...{ name: root, schema: Object.fromEntries(schema) as Record<string, string> },
      });
      // Types are known by then; looking them up again for each item would cost as much as comparing.
      this.#plain.registerVariable(root, 'map');
    }
  }

  /** @throws StarlingError BAD_REQUEST that says what is wrong, and where. */
  compile(text: string): FilterExpression {
    const source = this.#widenLists(text);
    const fields = new Fields(source.ast, (root, name, node) => {
      if (!Object.hasOwn(this.#scope[root], name)) throw this.#noSuch(root, name, source, node);
    });
    const checked = this.#typed.check(source.text);
    if (!checked.valid)
      throw wrongAt(summaryOf(checked.error), source, checked.error?.range?.start);
    if (checked.type !== 'bool' && checked.type !== 'dyn')
      throw wrongAt(`expected a condition, which is true or false; it is of type ${checked.type}`);
    const evaluate = this.#plain.parse(guarded(source.ast));
    const read = { item: readerOf(this.#scope.item), user: readerOf(this.#scope.user) };
    return {
      ofUser: fields.names('user'),
      fits: (item, about) => {
        this.#about = about;
        this.#item = item;
        try {
          const { user, context } = about;
          return evaluate({ item: read.item(item), user: read.user(user), context }) === true;
        } catch {
          // As a division by nothing: no such item is wanted.
          return false;
        }
      },
    };
  }

  #isKnown(root: Root, name: string): boolean {
    const about = this.#about!;
    const row = root === 'item' ? this.#item : about[root];
    if (Object.hasOwn(row, name) && row[name] !== undefined) return true;
    const key = `${root}.${name}`;
    about.missing.set(key, (about.missing.get(key) ?? 0) + 1);
    return false;
  }

  /** `item.price in [5, 7]` is about numbers, and CEL knows whole ones as others. */
  #widenLists(text: string): Source {
    const { ast } = this.#parsed(text);
    const ends: number[] = [];
    visit(ast, (node) => {
      if (node.op !== 'in') return;
      const [value, list] = node.args;
      const members = list.op === 'list' ? list.args : [];
      for (const each of [value, ...members])
        if (each.op === 'value' && typeof each.args === 'bigint') ends.push(each.range.end);
    });
    ends.sort((a, b) => a - b);
    const parts = [0, ...ends].map((start, i) => text.slice(start, ends[i]));
    const widened = parts.join('.0');
    const placeOf = (at: number) => at - 2 * ends.filter((end, i) => end + 2 * i < at).length;
    return { text: widened, ast: this.#parsed(widened).ast, placeOf };
  }

  #parsed(text: string) {
    try {
      return this.#plain.parse(text);
    } catch (error) {
      const { range } = error as { readonly range?: { readonly start: number } };
      throw wrongAt(summaryOf(error), undefined, range?.start);
    }
  }

  #noSuch(root: Root, name: string, source: Source, { range }: ASTNode): StarlingError {
    const names = Object.keys(this.#scope[root]);
    const what = root === 'context' ? 'feature of a context' : 'attribute';
    const at = `${root}.${name}, column ${source.placeOf(range.start) + 1}`;
    return noSuchName(`${at}: no such ${what}`, name, names);
  }
}

/** @param text what is not there. */
export function noSuchName(text: string, name: string, names: readonly string[]): StarlingError {
  const nearest = nearestOf(name, names);
  const all = names.length === 0 ? 'none is declared' : `declared: ${names.join(', ')}`;
  return wrongAt(`${text}; ${nearest === undefined ? all : `nearest: ${nearest}`}`);
}

/** An engine that is told an object tells what it is by its constructor: of an attribute of that name it needs a map. */
function readerOf(types: AttributeTypes): (row: ItemRow) => ItemRow | Map<string, unknown> {
  return Object.hasOwn(types, 'constructor') ? (row) => new Map(Object.entries(row)) : (row) => row;
}

interface Source {
  readonly text: string;
  readonly ast: ASTNode;
  /** In what was written, of a place in `text`. */
  readonly placeOf: (at: number) => number;
}

function wrongAt(text: string, source?: Source, at?: number): StarlingError {
  const column = at === undefined ? '' : `, column ${(source?.placeOf(at) ?? at) + 1}`;
  return new StarlingError('BAD_REQUEST', `filter: ${text}${column}`, { field: 'filter' });
}

function summaryOf(error: unknown): string {
  const { summary, message } = error as { readonly summary?: string; readonly message: string };
  return (summary ?? message).split('\n')[0]!;
}

/** Whole numbers beside others. */
function widened(environment: Environment): Environment {
  const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
    ...{ '+': (a, b) => a + b, '-': (a, b) => a - b },
    ...{ '*': (a, b) => a * b, '/': (a, b) => a / b },
  };
  for (const [left, right] of [
    ['int', 'double'],
    ['double', 'int'],
  ])
    for (const [operator, of] of Object.entries(arithmetic))
      environment.registerOperator(
        `${left} ${operator} ${right}: double`,
        (a: number | bigint, b: number | bigint) => of(Number(a), Number(b)),
      );
  return environment.registerOperator(
    'double == int',
    (a: number | bigint, b: number | bigint) => Number(a) === Number(b),
  );
}

/** Names that are read of each root. */
class Fields {
  readonly #names: Readonly<Record<Root, Set<string>>> = {
    ...{ item: new Set(), user: new Set(), context: new Set() },
  };

  constructor(ast: ASTNode, found: (root: Root, name: string, node: ASTNode) => void) {
    visit(ast, (node, isInLoop) => {
      refuseUnbounded(node, isInLoop);
      const field = fieldOf(node);
      if (!field) return;
      found(field.root, field.name, node);
      this.#names[field.root].add(field.name);
    });
  }

  names(root: Root): string[] {
    return [...this.#names[root]];
  }
}

function refuseUnbounded(node: ASTNode, isInLoop: boolean): void {
  if (node.op !== 'call' && node.op !== 'rcall') return;
  const [name] = node.args;
  if (name === 'matches') throw wrongAt('patterns can not be bounded: use contains or startsWith');
  if (node.op === 'rcall' && loops.has(name) && isInLoop)
    throw wrongAt(`${name}: a loop in a loop can not be bounded`);
}

/** `item.stock`, or `item["in-stock"]`. */
function fieldOf(node: ASTNode): { readonly root: Root; readonly name: string } | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [of, name] = node.args;
  const root = of.op === 'id' ? roots.find((each) => each === of.args) : undefined;
  if (!root) return undefined;
  if (typeof name === 'string') return { root, name };
  if (name.op === 'value' && typeof name.args === 'string') return { root, name: name.args };
  throw wrongAt(`${root}[…]: expected the name of an attribute in quotes`);
}

function visit(
  node: ASTNode,
  see: (node: ASTNode, isInLoop: boolean) => void,
  isInLoop = false,
): void {
  see(node, isInLoop);
  const isLoop = node.op === 'rcall' && loops.has(node.args[0]);
  for (const child of childrenOf(node)) visit(child, see, isInLoop || isLoop);
}

function childrenOf({ args }: ASTNode): ASTNode[] {
  return (Array.isArray(args) ? (args as unknown[]) : [args]).flat(2).filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value;
}

/** The same expression, with each comparison behind what it needs to know. */
function guarded(node: ASTNode): string {
  switch (node.op) {
    case '&&':
    case '||':
      return `(${guarded(node.args[0])} ${node.op} ${guarded(node.args[1])})`;
    case '!_':
      return `!(${guarded(node.args)})`;
    case '?:': {
      const [condition, one, other] = node.args;
      return `(${guarded(condition)} ? ${guarded(one)} : ${guarded(other)})`;
    }
    default:
      return `(${[...neededBy(node), serialize(node)].join(' && ')})`;
  }
}

/** Who asks with `has` by himself knows what to do without. */
function neededBy(node: ASTNode): string[] {
  const needed = new Map<string, string>();
  const asked = new Set<string>();
  const keyOf = ({ root, name }: { readonly root: Root; readonly name: string }) =>
    `known("${root}", ${JSON.stringify(name)})`;
  visit(node, (each) => {
    if (each.op === 'call' && each.args[0] === 'has') {
      const field = each.args[1][0] && fieldOf(each.args[1][0]);
      if (field) asked.add(keyOf(field));
    }
    const field = fieldOf(each);
    if (field) needed.set(keyOf(field), field.name);
  });
  return [...needed.keys()].filter((key) => !asked.has(key));
}
