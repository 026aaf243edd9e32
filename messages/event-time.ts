/** Of the year 2096, in seconds; above it a number is of another unit. */
const secondsMax = 4e9;
/** The least that is taken for milliseconds: of 1973. What is between is neither. */
const millisecondsMin = 1e11;

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(?:Z|z|([+-])(\d\d):?(\d\d)?)?$/;

/**
 * When something happened, as people and programs write it: seconds or milliseconds since 1970, told apart by their size, also
 * as text; or ISO 8601, which is of UTC where it names no zone.
 *
 * @returns seconds since 1970; undefined for what is no such time, as the 30th of February.
 */
export function secondsOf(value: number | string): number | undefined {
  if (typeof value === 'number') return fromNumber(value);
  const text = value.trim();
  return /^\d+(\.\d+)?$/.test(text) ? fromNumber(Number(text)) : fromIso(text);
}

function fromNumber(value: number): number | undefined {
  if (value >= 0 && value <= secondsMax) return value;
  const isMilliseconds = value >= millisecondsMin && value <= secondsMax * 1000;
  return isMilliseconds ? value / 1000 : undefined;
}

function fromIso(text: string): number | undefined {
  const match = iso.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const [, , , , , , , fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = match;
  if (hour! > 23 || minute! > 59 || second! > 60) return undefined;
  const midnight = new Date(Date.UTC(year!, month! - 1, day));
  // Months and days that there are not are others to the calendar.
  if (midnight.getUTCMonth() !== month! - 1 || midnight.getUTCDate() !== day!) return undefined;
  const zone = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? -1 : 1);
  const whole = midnight.getTime() / 1000 + (hour! * 60 + minute! - zone) * 60 + second!;
  const seconds = whole + Number(`0.${fraction || 0}`);
  return seconds >= 0 && seconds <= secondsMax ? seconds : undefined;
}
