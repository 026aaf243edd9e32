/** One finding about the environment. */
export interface Finding {
  readonly name: string;
  /** `warn`: it will run, but not as well as it could. `fail`: it won't run. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it, unless all is well. */
  readonly remedy?: string;
}

export interface DoctorOptions {
  readonly stateDir: string;
  readonly configPath: string | undefined;
  /** Of servers that somebody else runs, separated by commas; without it the cluster starts its own. */
  readonly natsUrl: string | undefined;
}
