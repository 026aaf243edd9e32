import { counter, countersByName, gauge, text } from './figures.js';

export const processorFigures = {
  messages: counter('Messages read from the RAW streams.'),
  impressions: counter('Impressions written to joiners.', 'impressions'),
  actions: counter('Events written to joiners.', 'events'),
  shown: counter('Items written to joiners of which it was told that they were on screen.'),
  aliases: counter('Visitors of whom joiners were told which user they are.'),
  merges: counter('Accounts that were merged into others.'),
  erasures: counter('People who were to be forgotten.'),
  features: counter('Changes of features written to FEATURES.'),
  deadLettered: counter('Events that could not be used.', 'dead-lettered'),
  putBack: counter(
    'Events that claimed a time after their acceptance and were put back to it: a clock is wrong.',
    'put back',
  ),
  putBackMsMax: gauge('ms', 'How far the furthest of them was ahead.'),
  putBackBy: countersByName(
    'Whose they were, the furthest ahead first: the person, the rankers of a data center, or else the request.',
  ),
  unknownKeys: counter('Keys of events that no event has; they are ignored.', 'unknown keys'),
  unknownKey: text('The most frequent of them, with the nearest that there is.'),
  unreadable: counter(
    'Values of attributes that could not be read; the rest of their item or user is kept.',
    'unreadable values',
  ),
  unreadableExample: text('The last of them.'),
  unknownAttributes: text(
    'Attributes of items and users that nothing is declared of; they are kept. Each once.',
  ),
  ignored: counter(
    'Events of bots and staff, and what they were shown: see ignore and limits.',
    'ignored',
  ),
  ignoredExample: text('The last of them, with the reason.'),
  retried: counter('Messages given back for a cause that may pass.'),
  inFlight: gauge('count', 'Messages worked on now.'),
};
