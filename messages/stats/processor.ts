import { counter, gauge } from './figures.js';

export const processorFigures = {
  messages: counter('Messages read from the RAW streams.'),
  impressions: counter('Impressions written to joiners.', 'impressions'),
  actions: counter('Actions written to joiners.', 'actions'),
  features: counter('Changes of features written to FEATURES.'),
  deadLettered: counter('Events that could not be used.', 'dead-lettered'),
  retried: counter('Messages given back for a cause that may pass.'),
  inFlight: gauge('count', 'Messages worked on now.'),
};
