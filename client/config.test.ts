import { expect, test } from '@jest/globals';
import { networkParts } from '../core/model/networks/parts.js';
import * as exported from './config.js';

test('a network of one’s own finds what the editor knows of', () => {
  const { defineCluster } = exported;
  expect({ ...exported }).toEqual({ ...networkParts, defineCluster });
});
