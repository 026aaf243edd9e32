import type { AudienceFigures } from '../audience/audience-figures.js';
import type { ChildState } from '../messages/actor-status.js';
import type { SupervisionEvent, SupervisionEventType } from '../messages/supervision-events.js';
import type { Colour, Paint } from './ansi.js';
import { pad, painter, sparkline, truncate } from './ansi.js';
import type { DataCenterView, KindLine, LiveViewModel } from './live-view-model.js';

/**
 * The screen as lines, from the model alone. Three forms, the first that fits into the rows there are: every kind on
 * its line; healthy kinds of a data center on one line; and the latter without the events that are oldest.
 */
export interface RenderOptions {
  readonly colours?: boolean;
  /** Rows of the terminal. */
  readonly rows?: number;
}

/** Columns of a label at the left; the longest kind, `feature-store`, and a space. */
const labelWidth = 14;
const sparklineWidth = 40;
const troubledShown = 4;

/** Lines of at most `width` columns each, colour codes not counted. */
export function renderLiveView(
  model: LiveViewModel,
  width: number,
  options: RenderOptions = {},
): string[] {
  const paint = painter(options.colours ?? false);
  const rows = options.rows ?? Infinity;
  const full = frame(model, paint, { compact: false, events: model.events });
  const lines = full.length <= rows ? full : compactFrame(model, paint, rows);
  return lines.slice(0, rows).map((line) => truncate(line, width));
}

function compactFrame(model: LiveViewModel, paint: Paint, rows: number): string[] {
  const whole = frame(model, paint, { compact: true, events: model.events });
  const surplus = Math.min(model.events.length, Math.max(0, whole.length - rows));
  return surplus === 0
    ? whole
    : frame(model, paint, { compact: true, events: model.events.slice(surplus) });
}

function frame(
  model: LiveViewModel,
  paint: Paint,
  form: { readonly compact: boolean; readonly events: readonly SupervisionEvent[] },
): string[] {
  return [
    titleLine(model, paint),
    ...(form.compact ? [] : ['']),
    ...model.dataCenters.flatMap((dataCenter) => dataCenterLines(dataCenter, paint, form.compact)),
    ...(form.compact ? [] : ['']),
    throughputLine(model, paint),
    freshnessLine(model, paint),
    ...audienceLines(model, paint),
    ...(form.events.length === 0
      ? []
      : [...(form.compact ? [] : ['']), ...form.events.map((event) => eventLine(event, paint))]),
    ...(form.compact ? [] : ['']),
    hintLine(model, paint),
  ];
}

function titleLine({ name, uptimeMs, leader, dashboardUrl }: LiveViewModel, paint: Paint): string {
  const parts = [`up ${duration(uptimeMs)}`, `leader ${leader || 'none'}`];
  if (dashboardUrl !== undefined) parts.push(paint('cyan', dashboardUrl));
  return `${paint('bold', name)}  ${parts.join(' · ')}`;
}

function dataCenterLines(
  { name, role, state, nats, kinds }: DataCenterView,
  paint: Paint,
  compact: boolean,
): string[] {
  const colour = dataCenterColour(state);
  const head = `${paint(colour, '●')} ${paint('bold', name)} ${role}, ${paint(colour, state)}`;
  const troubled = kinds.flatMap((line) => troubledLines(line, paint));
  if (!compact) {
    const heading = nats === '' ? head : `${head}  ${paint('dim', nats)}`;
    return [
      heading,
      ...kinds.flatMap((line) => [kindLine(line, paint), ...troubledLines(line, paint)]),
    ];
  }
  const counts = kinds.map(({ kind, ready, count }) =>
    paint(ready === count ? 'green' : 'yellow', `${kind} ${ready}/${count}`),
  );
  return [`${head}  ${counts.join(' ')}`, ...troubled];
}

function kindLine({ kind, count, ready, restarts, troubled }: KindLine, paint: Paint): string {
  const failed = troubled.some(({ state }) => state === 'failed');
  const colour: Colour = ready === count ? 'green' : failed ? 'red' : 'yellow';
  const again =
    restarts === 0
      ? ''
      : paint('yellow', `  ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`);
  return `  ${pad(kind, labelWidth)}${paint(colour, `● ${ready}/${count}`)}${again}`;
}

/** Each actor that is not ready, and why; the first few of many. */
function troubledLines({ troubled }: KindLine, paint: Paint): string[] {
  const lines = troubled.slice(0, troubledShown).map(({ address, state, reason }) => {
    const why = reason === undefined ? '' : `: ${reason}`;
    return `    ${paint(stateColour(state), '○')} ${address} ${paint(stateColour(state), state)}${why}`;
  });
  const more = troubled.length - lines.length;
  return more > 0 ? [...lines, `    … and ${more} more`] : lines;
}

function throughputLine({ throughput, backend }: LiveViewModel, paint: Paint): string {
  const { events, samples, batches } = throughput;
  const by = backend === '' ? '' : paint('dim', `  (${backend})`);
  return `${label('throughput', paint)}${count(events)} events/s · ${count(samples)} samples/s · ${count(batches)} batches/s${by}`;
}

function freshnessLine({ freshness }: LiveViewModel, paint: Paint): string {
  const each = freshness.map(
    ({ dataCenter, p50Ms, p99Ms }) =>
      `${dataCenter} p50 ${milliseconds(p50Ms)} p99 ${milliseconds(p99Ms)}`,
  );
  return `${label('freshness', paint)}${each.join(' · ') || '–'}`;
}

function audienceLines({ audience }: LiveViewModel, paint: Paint): string[] {
  if (!audience) return [];
  const { recent, series, latencyMs, requests, degraded, errors, skipped, rerouted } = audience;
  const top = Math.max(0, ...series.map(({ oracle }) => oracle).filter(Number.isFinite));
  const served = paint('bold', `served ${percent(recent.ctr)}`);
  const chart = paint(
    'green',
    sparkline(
      series.map(({ ctr }) => ctr),
      top,
      sparklineWidth,
    ),
  );
  const trouble: readonly (readonly [count: number, word: string, colour: Colour])[] = [
    [degraded, 'degraded', 'yellow'],
    [rerouted, 'rerouted', 'yellow'],
    [skipped, 'skipped', 'yellow'],
    ...Object.entries(errors).map(([code, failures]) => [failures, code, 'red'] as const),
  ];
  const troubles = trouble
    .filter(([times]) => times > 0)
    .map(([times, word, colour]) => ` · ${paint(colour, `${times} ${word}`)}`);
  return [
    `${label('click rate', paint)}${served} · oracle ${percent(recent.oracle)} · random ${percent(recent.random)}${chart === '' ? '' : `  ${chart}`}`,
    audience.introduced
      ? `${label('requests', paint)}${requests} · p50 ${milliseconds(latencyMs.p50)} p99 ${milliseconds(latencyMs.p99)}${troubles.join('')}`
      : `${label('requests', paint)}waiting until the users and items are known${troubles.join('')}`,
  ];
}

function eventLine({ atMs, address, type, detail }: SupervisionEvent, paint: Paint): string {
  const text = detail === '' ? '' : `  ${detail}`;
  return `${paint('dim', timeOfDay(atMs))} ${address} ${paint(eventColour(type), type)}${text}`;
}

function hintLine({ next }: LiveViewModel, paint: Paint): string {
  const hint = next === undefined ? '' : `Another terminal: ${next} · `;
  return paint('dim', `${hint}Ctrl-C stops the cluster`);
}

function label(text: string, paint: Paint): string {
  return paint('dim', pad(text, labelWidth - 2));
}

/** One line for a log file: the main figures. */
export function plainFigures(model: LiveViewModel): string {
  const { audience, throughput, freshness, dataCenters } = model;
  const kinds = dataCenters.flatMap((dataCenter) => dataCenter.kinds);
  const sum = (key: 'ready' | 'count' | 'restarts'): number =>
    kinds.reduce((total, line) => total + line[key], 0);
  const parts = [
    `up ${duration(model.uptimeMs)}`,
    `actors ${sum('ready')}/${sum('count')} ready`,
    `${sum('restarts')} restarts`,
    `${count(throughput.events)} events/s`,
    `${count(throughput.samples)} samples/s`,
    ...freshness.map(
      ({ dataCenter, p50Ms, p99Ms }) =>
        `freshness ${dataCenter} ${milliseconds(p50Ms)}/${milliseconds(p99Ms)}`,
    ),
    ...(audience ? audienceFigures(audience) : []),
  ];
  return parts.join(' · ');
}

/** What a line for a log file says of the audience. */
export function audienceFigures({
  recent,
  requests,
  errors,
}: Pick<AudienceFigures, 'recent' | 'requests' | 'errors'>): string[] {
  return [
    `click rate ${percent(recent.ctr)} of oracle ${percent(recent.oracle)}, random ${percent(recent.random)}`,
    `${requests} requests`,
    errorsOf(errors),
  ];
}

/** How many, and of what codes. */
function errorsOf(failures: Readonly<Record<string, number>>): string {
  const codes = Object.entries(failures);
  const total = codes.reduce((sum, [, times]) => sum + times, 0);
  const reasons = codes.map(([code, times]) => `${times} ${code}`).join(', ');
  return `${total} errors${total > 0 ? ` (${reasons})` : ''}`;
}

/** One line for a log file: a supervision event. */
export function plainEvent({ atMs, address, type, detail }: SupervisionEvent): string {
  return [new Date(atMs).toISOString(), address, type, detail]
    .filter((part) => part !== '')
    .join(' ');
}

function stateColour(state: ChildState): Colour {
  switch (state) {
    case 'ready':
      return 'green';
    case 'failed':
      return 'red';
    case 'stopped':
    case 'stopping':
      return 'dim';
    case 'suspect':
    case 'starting':
    case 'restoring':
    case 'restarting':
      return 'yellow';
  }
}

function eventColour(type: SupervisionEventType): Colour {
  switch (type) {
    case 'ready':
      return 'green';
    case 'exit':
    case 'failed':
    case 'alarm':
      return 'red';
    case 'suspect':
    case 'restart':
    case 'promote':
    case 'restore':
    case 'lead':
    case 'host':
    case 'configure':
    case 'drain':
      return 'yellow';
    case 'start':
    case 'adopt':
    case 'stop':
    case 'move':
    case 'scale':
    case 'model':
    case 'settings':
    case 'erase':
    case 'place':
    case 'snapshot':
    case 'undrain':
    case 'calm':
      return 'dim';
  }
}

/** States of data centers may be added; an unknown one is not called healthy. */
function dataCenterColour(state: string): Colour {
  if (state === 'healthy') return 'green';
  return state === 'down' ? 'red' : 'yellow';
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function timeOfDay(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((value) => String(value).padStart(2, '0'))
    .join(':');
}

function count(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

function percent(rate: number): string {
  return Number.isFinite(rate) ? `${(100 * rate).toFixed(1)} %` : '–';
}

function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
