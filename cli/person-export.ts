import type { PersonReply } from '../messages/person.js';

/** All that is in use of somebody, a line for each thing. */
export function* personLines({ found }: PersonReply): Generator<object> {
  for (const { name, window, stores, rows } of found) {
    const { owner, names, forgottenUntilMs } = window;
    const erasedUntil =
      forgottenUntilMs === null ? {} : { erasedUntil: new Date(forgottenUntilMs).toISOString() };
    yield { kind: 'name', name, is: owner, was: names, ...erasedUntil };
    for (const [dataCenter, { attributes, kept }] of Object.entries(stores)) {
      if (attributes) yield { kind: 'attributes', name, dataCenter, attributes };
      if (kept) yield { kind: 'history', name, dataCenter, ...kept };
    }
    for (const row of window.rows) yield { kind: 'impression', name, ...row };
    for (const event of window.events) yield { kind: 'waiting event', name, event };
    for (const { weights, state, ...row } of rows)
      yield { kind: 'row', name, ...row, weights, state };
  }
}
