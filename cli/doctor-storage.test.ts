import { describe, expect, test } from '@jest/globals';
import type { ClusterStatus, DataCenterStorage } from '../messages/cluster-status.js';
import { checkStorage, judged } from './doctor-storage.js';

const mebibyte = 2 ** 20;

function statusWith(...storages: readonly (DataCenterStorage | undefined)[]): ClusterStatus {
  const dataCenters = storages.map((storage, i) => {
    const dataCenter = { name: `dc${i}`, role: 'inference', state: 'healthy' };
    return storage ? { ...dataCenter, storage } : dataCenter;
  });
  return {
    ...{ name: 'starling', leader: 'here', term: 1, hosts: [], startedAtMs: 0, ready: true },
    ...{ dataCenters, natsServers: [], actors: [], events: [] },
  };
}

describe('the doctor, of the storage of a cluster', () => {
  test('says how much is used, and of what', () => {
    const status = statusWith({ usedBytes: mebibyte, bytesMax: 10 * mebibyte }, undefined);
    expect(judged(status)).toEqual({ level: 'ok', detail: 'dc0: 1.0 MiB of 10.0 MiB used (10 %)' });
    expect(judged(statusWith(undefined))).toMatchObject({ level: 'ok' });
  });

  test('warns where there is little, and where events are refused, with what helps', () => {
    const { level, detail, remedy } = judged(
      statusWith(
        { usedBytes: 9 * mebibyte, bytesMax: 10 * mebibyte },
        { usedBytes: mebibyte, bytesMax: 10 * mebibyte },
        { usedBytes: mebibyte, refuses: 'disk' },
      ),
    );
    expect(level).toBe('warn');
    expect(detail.split('\n')).toEqual([
      'dc0: storage 9.0 MiB of 10.0 MiB used (90 %)',
      expect.stringMatching(/^dc2: storage 1\.0 MiB used; events are refused/),
    ]);
    expect(remedy).toMatch(/nats\.storageBytesMax.* Free disk space/);
  });

  test('has nothing to look at before a cluster runs', async () => {
    const nowhere = { stateDir: '/nonexistent', configPath: undefined, natsUrl: undefined };
    expect(await checkStorage(nowhere, undefined)).toMatchObject({ level: 'ok' });
    const silent = { ...nowhere, natsUrl: 'nats://127.0.0.1:9' };
    expect(await checkStorage(silent, undefined)).toMatchObject({ level: 'ok' });
  });
});
