import type { ItemInput } from '../../client/ingest.js';
import { isRecord } from '../../messages/checks.js';
import { withAdmin, withClient } from '../cluster-access.js';
import type { Arguments, Command } from '../command.js';
import { UsageError, clusterOptions, exitCode, objectOf } from '../command.js';
import { loadFile, loadOptions } from '../item-files.js';
import { knownOf, printKnown } from '../known-entity.js';
import { unreadableOf } from '../unreadable-attributes.js';

const acts = ['get', 'set', 'patch', 'hide', 'show', 'delete'] as const;
type Act = (typeof acts)[number];

export const items: Command = {
  name: 'items',
  summary: 'shows, or changes, what is known of an item',
  usage: 'get|set|patch|hide|show|delete <item> [JSON] [options] | load FILE [options]',
  text: 'get prints the attributes of an item, features among them. set says all that there is to know of it; patch leaves what it does not name, and a null empties. What hide hides is recommended to nobody until show shows it again; what delete deletes is forgotten, and clicks do not bring it back. Whatever is changed shows in the answers of every data center a moment later.\nload brings the items to what a file says, as CSV with a header or JSON, one per line: only rows that say something new are sent. With --mode replace, what the file lacks is hidden until a file has it again; if that is more than --absent-max of all, nothing is sent. An empty field of a CSV file empties the attribute.',
  options: [...loadOptions, ...clusterOptions],
  examples: [
    'starling items get 0000311',
    'starling items patch 0000311 \'{"price":44,"stock":null}\'',
    'starling items patch 0000311 \'{"availableFrom":"2026-12-01T08:00:00+01:00"}\'',
    'starling items hide 0000311',
    'starling items load products.csv --mode replace --absent-max 0.1',
  ],
  async run(args, out) {
    if (args.positionals[0] === 'load') return loadFile(args, out);
    const { act, item, attributes } = asked(args);
    if (act === 'get')
      return (await printKnown(args, 'item', item, out)) ? exitCode.ok : exitCode.failure;
    // A patch of what is not there makes an item that has nothing else: it may be misspelt.
    const { isNew, unreadable } = await withAdmin(args, async (bus) => ({
      isNew: act !== 'set' && (await knownOf(bus, 'item', item)) === null,
      unreadable: await unreadableOf(bus, 'item', attributes),
    }));
    if (isNew && act !== 'patch') {
      if (out.json) out.document({ accepted: 0, item, isKnown: false });
      else out.line(`there is no item ${item}`);
      return exitCode.failure;
    }
    const event = eventOf(act, item, attributes);
    const { accepted } = await withClient(args, (client) => client.ingestItems([event]));
    if (out.json) out.document({ accepted, item, isKnown: !isNew, unreadable });
    else out.line(told[act](item));
    for (const each of unreadable) out.note(`left out: ${each}`);
    if (isNew) out.note(`there was no item ${item}; there is one now, with these attributes only`);
    return exitCode.ok;
  },
};

const told: Readonly<Record<Exclude<Act, 'get'>, (item: string) => string>> = {
  set: (item) => `${item} is as told`,
  patch: (item) => `${item} is changed`,
  hide: (item) => `${item} is hidden`,
  show: (item) => `${item} is shown again`,
  delete: (item) => `${item} is deleted`,
};

function asked(args: Arguments) {
  const [name, item, json, ...rest] = args.positionals;
  const act = acts.find((each) => each === name);
  const takesJson = act === 'set' || act === 'patch';
  if (!act || item === undefined || item === '' || rest.length > 0)
    throw new UsageError(`items: expected ${items.usage.replaceAll(' [options]', '')}.`);
  if (takesJson !== (json !== undefined))
    throw new UsageError(
      takesJson
        ? `items ${act}: expected attributes as JSON.`
        : `items ${act} takes no attributes.`,
    );
  return { act, item, attributes: json === undefined ? {} : attributesOf(json) };
}

/** They may stand in an object of that name, as over `ingest.items`. */
function attributesOf(json: string): Readonly<Record<string, unknown>> {
  const { attributes, ...others } = objectOf(json, 'attributes');
  return isRecord(attributes) ? { ...others, ...attributes } : objectOf(json, 'attributes');
}

function eventOf(
  act: Exclude<Act, 'get'>,
  item: string,
  attributes: Readonly<Record<string, unknown>>,
): ItemInput {
  switch (act) {
    case 'set':
      return { item, attributes, mode: 'replace' };
    case 'patch':
      return { item, attributes };
    case 'hide':
      return { item, attributes: { hidden: true } };
    case 'show':
      return { item, attributes: { hidden: null, absentSince: null } };
    case 'delete':
      return { item, deleted: true };
  }
}
