import { Session, type Profiler } from 'node:inspector';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasuredProfile } from '../../messages/profiles.js';
import { treeOf } from '../profile/profile-tree.js';

/** Between two samples. Too low: the profiler itself is what is seen. Too high: what takes little is missed. */
const samplingUs = 1_000;

/**
 * What this process does in the next `seconds`, by the profiler of V8. Its main thread alone is sampled; processor time is of all threads.
 * Nothing is left behind: a process that nobody asks again pays nothing. It stands still for some milliseconds at the end.
 */
export async function profileProcess(seconds: number): Promise<MeasuredProfile> {
  const session = new Session();
  session.connect();
  try {
    await posted((done) => session.post('Profiler.enable', done));
    const interval = { interval: samplingUs };
    await posted((done) => session.post('Profiler.setSamplingInterval', interval, done));
    await posted((done) => session.post('Profiler.start', done));
    const begun = { atMs: performance.now(), usage: process.cpuUsage() };
    await sleep(1000 * seconds);
    const { user, system } = process.cpuUsage(begun.usage);
    const wallMs = performance.now() - begun.atMs;
    const { profile } = await new Promise<Profiler.StopReturnType>((resolve, reject) =>
      session.post('Profiler.stop', (error, found) => (error ? reject(error) : resolve(found))),
    );
    return { wallMs, cpuMs: (user + system) / 1000, tree: treeOf(profile) };
  } finally {
    session.disconnect();
  }
}

function posted(post: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    post((error) => (error ? reject(error) : resolve()));
  });
}
