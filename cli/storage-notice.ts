import type { DataCenterSummary } from '../messages/cluster-status.js';

/** Below it a person has nothing to do. Too low: a warning that nobody heeds. Too high: it comes when it is too late. */
const usedShareMax = 0.8;

export interface StorageNotice {
  readonly text: string;
  readonly remedy: string;
}

/** What a person should know of the storage of a data center; undefined while there is room. */
export function storageNotice({ storage }: DataCenterSummary): StorageNotice | undefined {
  if (!storage) return undefined;
  const { usedBytes, bytesMax, refuses } = storage;
  if (refuses === undefined && !(usedBytes > usedShareMax * (bytesMax ?? Infinity)))
    return undefined;
  const used = `storage ${storageUsed(storage)}`;
  const refused = 'events are refused (STORAGE_FULL)';
  if (refuses === 'disk') {
    return {
      text: `${used}; ${refused}: less disk is free than nats.freeBytesMin`,
      remedy:
        'Free disk space where its NATS servers keep their streams; events are taken again by themselves.',
    };
  }
  return {
    text: refuses ? `${used}; ${refused}: its NATS servers may not use more` : used,
    remedy:
      'Raise nats.storageBytesMax (max_file_store of servers of your own), then restart them.',
  };
}

export function storageUsed({
  usedBytes,
  bytesMax,
}: NonNullable<DataCenterSummary['storage']>): string {
  if (bytesMax === undefined) return `${bytesText(usedBytes)} used`;
  const share = Math.floor((100 * usedBytes) / bytesMax);
  return `${bytesText(usedBytes)} of ${bytesText(bytesMax)} used (${share} %)`;
}

function bytesText(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? `${mebibytes.toFixed(1)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
