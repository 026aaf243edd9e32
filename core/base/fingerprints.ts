/** Three words that mix with each other at every code unit (after cyrb128 of bryc, public domain; its fourth goes into the others). */
export function wordsOf(key: string): [number, number, number] {
  const { imul } = Math;
  let a = 1_779_033_703;
  let b = 3_144_134_277 | 0;
  let c = 1_013_904_242;
  let d = 2_773_480_762 | 0;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    a = b ^ imul(a ^ unit, 597_399_067);
    b = c ^ imul(b ^ unit, 2_869_860_233);
    c = d ^ imul(c ^ unit, 951_274_213);
    d = a ^ imul(d ^ unit, 2_716_044_179);
  }
  a = imul(c ^ (a >>> 18), 597_399_067);
  b = imul(d ^ (b >>> 22), 2_869_860_233);
  c = imul(a ^ (c >>> 17), 951_274_213);
  d = imul(b ^ (d >>> 19), 2_716_044_179);
  const all = a ^ b ^ c ^ d ^ key.length;
  return [all >>> 0, (b ^ all) >>> 0, (c ^ all) >>> 0];
}
