import type { ClusterStatus } from '../messages/cluster-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { AudienceFigures } from '../audience/audience-figures.js';
import { cursor } from './ansi.js';
import type { LiveViewModel } from './live-view-model.js';
import { RateMeter, liveViewModel } from './live-view-model.js';
import { plainEvent, plainFigures, renderLiveView } from './live-view-rendering.js';

export interface LiveViewOptions {
  readonly status: () => ClusterStatus;
  /** Undefined where there is none. */
  readonly audience: () => AudienceFigures | undefined;
  readonly out: NodeJS.WriteStream;
  /** Between two pictures. Shorter: the terminal flickers and the cluster loses CPU time to it. */
  readonly intervalMs?: number;
  readonly dashboardUrl?: string;
  /** What one may type in another terminal. */
  readonly next?: string;
  /** Where NO_COLOR and TERM are read from; the process environment if left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface LiveView {
  /** Draws once more and gives the terminal back. */
  stop(): void;
}

const pictureMs = 500;
const plainMs = 5_000;
/** Of a terminal that does not say. */
const columnsDefault = 80;
const rowsDefault = 24;

/**
 * On a terminal a picture that is redrawn where it stands; the scrollback above it stays. Elsewhere, as in a log file,
 * one line of figures every five seconds and one for every supervision event.
 */
export function startLiveView(options: LiveViewOptions): LiveView {
  const env = options.env ?? process.env;
  const meter = new RateMeter();
  const model = (): LiveViewModel => {
    const status = options.status();
    const throughput = meter.observe(status.actors, performance.now());
    return liveViewModel(status, options.audience(), {
      throughput,
      nowMs: Date.now(),
      dashboardUrl: options.dashboardUrl,
      next: options.next,
    });
  };
  return options.out.isTTY && env['TERM'] !== 'dumb'
    ? startPicture(options, model, !env['NO_COLOR'])
    : startLines(options, model);
}

function startPicture(
  { out, intervalMs }: LiveViewOptions,
  model: () => LiveViewModel,
  colours: boolean,
): LiveView {
  let drawnLines = 0;
  let resized = false;

  function draw(): void {
    // The last column stays free: some terminals wrap when it is written. So does the last row, for the cursor.
    const width = Math.max(1, (out.columns || columnsDefault) - 1);
    const rows = Math.max(1, (out.rows || rowsDefault) - 1);
    const lines = renderLiveView(model(), width, { colours, rows });
    // After a resize the terminal has wrapped the old lines anew, so where they begin is not known.
    const start = resized ? cursor.clearScreen : cursor.lineStart + cursor.up(drawnLines);
    resized = false;
    drawnLines = lines.length;
    out.write(
      start + lines.map((line) => `${line}${cursor.clearToLineEnd}\n`).join('') + cursor.clearBelow,
    );
  }

  function onResize(): void {
    resized = true;
    draw();
  }

  const showCursor = (): void => {
    out.write(cursor.show);
  };
  out.write(cursor.hide);
  // However the process ends, the terminal gets its cursor back.
  process.once('exit', showCursor);
  out.on('resize', onResize);
  draw();
  const timer = setInterval(draw, intervalMs ?? pictureMs);
  return {
    stop() {
      clearInterval(timer);
      out.off('resize', onResize);
      process.off('exit', showCursor);
      draw();
      showCursor();
    },
  };
}

function startLines(
  { out, intervalMs, status }: LiveViewOptions,
  model: () => LiveViewModel,
): LiveView {
  const told = new Tellings();
  const write = (line: string): void => {
    out.write(`${line}\n`);
  };
  const tellEvents = (): void =>
    told.fresh(status().events).forEach((event) => write(plainEvent(event)));
  const tellFigures = (): void => write(plainFigures(model()));
  model(); // The first reading sets the mark for rates.
  tellEvents();
  const events = setInterval(tellEvents, pictureMs);
  const figures = setInterval(tellFigures, intervalMs ?? plainMs);
  return {
    stop() {
      clearInterval(events);
      clearInterval(figures);
      tellEvents();
      tellFigures();
    },
  };
}

/** Which events were told already: the status holds the last ones, and the window moves. */
class Tellings {
  #last: SupervisionEvent[] = [];

  fresh(events: readonly SupervisionEvent[]): SupervisionEvent[] {
    const known = new Set(this.#last.map(keyOf));
    this.#last = [...events];
    return events.filter((event) => !known.has(keyOf(event)));
  }
}

function keyOf({ atMs, address, type, epoch }: SupervisionEvent): string {
  return `${atMs} ${address} ${type} ${epoch}`;
}
