import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ServerTls } from '../../site/servers/server-config.js';

/** Node can use certificates but not make them. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A certificate authority of its own and one certificate for this host, good for servers and for clients. */
export function makeCertificates(folder: string): ServerTls {
  const file = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const keyKind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    ...['req', '-x509', ...keyKind, '-days', '2', '-subj', '/CN=Starling test authority'],
    ...['-keyout', 'ca-key.pem', '-out', 'ca.pem'],
  );
  openssl(
    ...['req', ...keyKind, '-subj', '/CN=localhost', '-keyout', 'key.pem', '-out', 'cert.csr'],
  );
  writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl(
    ...['x509', '-req', '-in', 'cert.csr', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem'],
    ...['-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'cert.pem'],
  );
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
}
