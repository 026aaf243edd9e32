import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { TlsFiles } from '../messages/nats-access.js';
import type { ServerTls } from './servers/server-config.js';

/** The files that `nats.tls` names, as absolute paths; undefined when it is off. */
export function tlsFilesOf({ nats: { tls } }: ClusterConfig): TlsFiles | undefined {
  if (tls === 'off') return undefined;
  const { ca, cert, key } = tls;
  return {
    ca: path.resolve(ca),
    ...(cert === undefined ? {} : { cert: path.resolve(cert) }),
    ...(key === undefined ? {} : { key: path.resolve(key) }),
  };
}

/**
 * Servers that are started here need a certificate of their own, not only somebody to believe.
 *
 * @throws StarlingError CONFIG_INVALID without one.
 */
export function ownCertificate({ ca, cert, key }: TlsFiles): ServerTls {
  if (cert !== undefined && key !== undefined) return { ca, cert, key };
  throw new StarlingError(
    'CONFIG_INVALID',
    'nats.tls: servers that are started here need cert and key beside ca.',
    { field: 'nats.tls' },
  );
}

/** @throws StarlingError CONFIG_INVALID naming the field whose file can't be read. */
export async function requireReadable(files: TlsFiles): Promise<void> {
  for (const [name, file] of Object.entries(files) as [string, string | undefined][]) {
    if (file === undefined) continue;
    try {
      await access(file, constants.R_OK);
    } catch (cause) {
      const field = `nats.tls.${name}`;
      const text = `${field}: ${file} can't be read: ${messageOf(cause)}.`;
      throw new StarlingError('CONFIG_INVALID', text, { field }, { cause });
    }
  }
}
