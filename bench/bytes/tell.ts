export type Figures = Record<string, number | string>;

export function tell(figures: Figures, name: string, value: number): void {
  figures[name] = Number(value.toPrecision(4));
  console.log(`${name.padEnd(56)} ${figures[name]}`);
}
