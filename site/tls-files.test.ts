import { describe, expect, test } from '@jest/globals';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import base from '../cluster.config.js';
import { parseClusterConfig, type ClusterConfigInput } from '../core/config/schema.js';
import { ownCertificate, requireReadable, tlsFilesOf } from './tls-files.js';

const configWith = (tls: NonNullable<ClusterConfigInput['nats']>['tls']) =>
  parseClusterConfig({ ...base, nats: { tls } });

describe('nats.tls', () => {
  test('is off unless it is asked for', () => {
    expect(tlsFilesOf(parseClusterConfig(base))).toBeUndefined();
  });

  test('names files from where the cluster is started', () => {
    const files = tlsFilesOf(configWith({ ca: 'ca.pem', cert: '/c.pem', key: '/k.pem' }));
    expect(files).toEqual({ ca: path.resolve('ca.pem'), cert: '/c.pem', key: '/k.pem' });
  });

  test('needs cert and key together, and both for servers that are started here', () => {
    expect(() => configWith({ ca: 'ca.pem', cert: 'c.pem' })).toThrow('cert and key together');
    const files = tlsFilesOf(configWith({ ca: '/ca.pem' }))!;
    expect(files).toEqual({ ca: '/ca.pem' });
    expect(() => ownCertificate(files)).toThrow('need cert and key');
  });

  test('names the field whose file can not be read', async () => {
    const here = fileURLToPath(import.meta.url);
    await requireReadable({ ca: here });
    await expect(requireReadable({ ca: here, key: '/nowhere.pem' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { field: 'nats.tls.key' },
    });
  });
});
