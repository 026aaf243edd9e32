/** What columns of files may become, by what the file is of. */
export const roles = ['events', 'items', 'users', 'aliases'] as const;
export type Role = (typeof roles)[number];

export const eventFields = [
  ...(['id', 'timestamp', 'user', 'visitor', 'item', 'type', 'value', 'order'] as const),
  ...(['quantity', 'currency', 'requestId', 'label', 'rating'] as const),
] as const;
export type EventField = (typeof eventFields)[number];

export const roleFields = {
  events: eventFields,
  items: ['item', 'timestamp'],
  users: ['user', 'timestamp'],
  aliases: ['visitor', 'user', 'timestamp'],
} as const satisfies Readonly<Record<Role, readonly EventField[]>>;

/** How shops and data sets call them, in small letters and digits; the likelier first. */
const names: Readonly<Record<EventField, readonly string[]>> = {
  id: words('id eventid eventuuid uuid messageid insertid hitid rowid'),
  timestamp: words(
    `timestamp time ts datetime eventtime eventtimestamp eventdate occurredat happenedat createdat date unixtime epoch at
     loggedinat mergedat linkedat zeit zeitpunkt zeitstempel datum uhrzeit horodatage fecha`,
  ),
  user: words(
    `user userid uid customer customerid customerno customernumber custid clientid client memberid member accountid account
     buyerid buyer shopperid reviewerid profileid personid person kunde kundeid kundenid kundennr kundennummer nutzer benutzer
     usuario utilisateur`,
  ),
  visitor: words(
    `visitor visitorid session sessionid sid anonymousid anonid anonymous deviceid device cookie cookieid fullvisitorid
     usersession guestid besucher sitzung`,
  ),
  item: words(
    `item itemid sku product productid productno prodid articleid article artikel artikelid artikelnr artikelnummer movieid
     movie filmid film songid song trackid track bookid book isbn asin parentasin contentid content newsid videoid video
     offerid adid variantid gameid recipeid listingid produkt produktid`,
  ),
  type: words(
    'type event eventtype eventname action actiontype kind behavior behaviour behaviortype interaction activity ereignis aktion',
  ),
  value: words('value amount revenue total price linetotal betrag summe umsatz wert preis'),
  order: words('order orderid ordernumber orderno transactionid transaction bestellung bestellnr'),
  quantity: words('quantity qty menge anzahl'),
  currency: words('currency currencycode waehrung währung'),
  requestId: words('requestid recommendationid'),
  label: words('label clicked target isclick liked'),
  rating: words('rating stars score overall bewertung sterne'),
};

/** Times at which a row of an item or a user became true; `created_at` says something else. */
const asOfNames = words('timestamp asof validfrom updatedat changedat modifiedat');

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

const plain = (column: string): string => column.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** The column that most likely is `field`; undefined if none is called so. */
export function guessedColumn(
  role: Role,
  field: EventField,
  columns: readonly string[],
): string | undefined {
  const isAsOf = field === 'timestamp' && (role === 'items' || role === 'users');
  const plains = columns.map(plain);
  for (const name of isAsOf ? asOfNames : names[field]) {
    const at = plains.indexOf(name);
    if (at >= 0) return columns[at];
  }
  return undefined;
}

const fileNames: Readonly<Record<Role, RegExp>> = {
  aliases: /alias|login|identit|mapping/i,
  events: /event|click|action|rating|interaction|view|purchase|order|log|history|ereignis|verlauf/i,
  items: /item|product|catalog|artikel|produkt|katalog|movie|film|book|song|track|article|sku/i,
  users: /user|customer|kunde|nutzer|member|account|people|profile/i,
};

/** What a file called so may be of. */
export function roleOfName(name: string): Role | undefined {
  return roles.find((role) => fileNames[role].test(name));
}
