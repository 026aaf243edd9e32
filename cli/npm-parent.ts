import { readFileSync } from 'node:fs';

/**
 * Whether npm, which has started this process, is still there. npm passes SIGINT and SIGTERM on to what it has started, and
 * nothing else; and with `npx`, or a script of somebody's own, that is a shell, which may end by them and leave us behind.
 * So a command that runs until it is told to end looks by itself: without npm nobody could stop it in order any more.
 *
 * Not watched: any other parent. Who starts a cluster in the background, and leaves, wants it to stay.
 */
export interface StarterWatch {
  stop(): void;
}

/** Between two looks. Too low: work for nothing. Too high: a cluster goes on for so long after its npm. */
const lookMs = 500;

export function watchNpm(onGone: () => void): StarterWatch {
  const isThere = npmAbove();
  if (isThere === undefined) return { stop: () => undefined };
  const timer = setInterval(() => {
    if (isThere()) return;
    clearInterval(timer);
    onGone();
  }, lookMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** @returns a look whether it is still there; undefined where npm has not started us. */
function npmAbove(): (() => boolean) | undefined {
  // Inherited by whatever npm's child starts in turn, so it is not enough where more can be known.
  if (process.env['npm_lifecycle_event'] === undefined) return undefined;
  const parent = process.ppid;
  const isOurs = (): boolean => process.ppid === parent;
  if (process.platform !== 'linux') return isOurs;
  const direct = statOf(parent);
  if (direct === undefined) return undefined;
  if (isNpm(direct)) return isOurs;
  const above = statOf(direct.parent);
  if (above === undefined || !isNpm(above)) return undefined;
  const isSame = (): boolean => statOf(direct.parent)?.started === above.started;
  return () => isOurs() && isSame();
}

interface ProcessStat {
  readonly name: string;
  readonly parent: number;
  readonly started: string;
}

/** npm names its process after what it does: `npm run cluster`, `npm exec starling up`. */
function isNpm({ name }: ProcessStat): boolean {
  return /^np[mx]( |$)/.test(name);
}

/** Fields of /proc/<pid>/stat after the name, which may hold anything: the parent is the 4th of all, the start the 22nd. */
const parentField = 4 - 3;
const startedField = 22 - 3;

function statOf(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [begin, end] = [stat.indexOf('('), stat.lastIndexOf(')')];
    const fields = stat.slice(end + 2).split(' ');
    return {
      name: stat.slice(begin + 1, end),
      parent: Number(fields[parentField]),
      started: fields[startedField] ?? '',
    };
  } catch {
    return undefined; // It has ended.
  }
}
