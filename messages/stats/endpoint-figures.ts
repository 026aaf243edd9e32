import { counter, gauge, group, measure, type Said } from './figures.js';

/** What every endpoint counts (runtime/serve-endpoint.ts), since the actor was started. */
export const endpointFigures = {
  requests: counter('Requests taken.'),
  errors: counter('Requests answered with an error.'),
  inFlight: gauge('count', 'Requests worked on now.'),
  p50Ms: measure('ms', 'Median time from a request to its answer; null: there was none.'),
  p99Ms: measure('ms', '99th percentile of that time; null: there was none.'),
  recentP99Ms: measure('ms', '99th percentile in the last seconds; null: nobody asked.'),
};

export type EndpointStats = Said<typeof endpointFigures>;

/** Null before the endpoint is open. */
export const endpoint = (help: string) => group(help, endpointFigures);
