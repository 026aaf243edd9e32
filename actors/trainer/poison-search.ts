/**
 * Steps that a search may compute. Of a thousand rows one that is poison takes twenty; too few: more of them cost all their
 * batch. Too many: learning waits.
 */
const looksMax = 400;

/**
 * Which rows of a batch are to go so that the rest can be learned. It is halved where it is poison, and halves that are not
 * are left alone: k rows of n take 2·k·log₂ n looks.
 *
 * @param isPoison whether these rows, ascending, can't be learned.
 * @returns ascending; none where all together can be learned; all where too many are poison, or only together.
 */
export async function poisonAmong(
  count: number,
  isPoison: (rows: readonly number[]) => Promise<boolean | undefined>,
): Promise<readonly number[]> {
  const all = Array.from({ length: count }, (_unused, row) => row);
  let looks = 0;
  const among = async (rows: readonly number[]): Promise<readonly number[]> => {
    if (rows.length === 0 || ++looks > looksMax || !(await isPoison(rows))) return [];
    if (rows.length === 1) return rows;
    const middle = rows.length >>> 1;
    const found = [...(await among(rows.slice(0, middle))), ...(await among(rows.slice(middle)))];
    // Neither half is by itself.
    return found.length > 0 ? found : rows;
  };
  const found = await among(all);
  return looks > looksMax ? all : found;
}
