/** As files spell that there is nothing. */
const anyMissing = /^\s*(\\N|null|NULL|Null|NaN|nan|NA|N\/A|None)?\s*$/;
/** In a column of numbers. */
const numberMissing = /^\s*(\\N|null|nan|n\/?a|none|-)?\s*$/i;

/** Whether it says that there is no value. */
export function isMissingValue(value: unknown, isNumber: boolean): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'number') return Number.isNaN(value);
  return typeof value === 'string' && (isNumber ? numberMissing : anyMissing).test(value);
}
