import { endpoint } from './endpoint-figures.js';
import { gauge } from './figures.js';

export const featureStoreFigures = {
  entities: gauge('count', 'Users and items it has features of.', 'entities'),
  sequence: gauge('sequence', 'FEATURES is stored up to here.'),
  get: endpoint('Requests for features.'),
};
