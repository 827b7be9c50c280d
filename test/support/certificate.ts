import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  file: string; // signs itself: for SSL_CERT_FILE
  tls: { key: Buffer; cert: Buffer }; // for a server
}

/** Creates a self-signed certificate for names such as `DNS:localhost`. */
export function makeCertificate(directory: string, names: string): Certificate {
  const [key, file] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`],
      ...['-keyout', key, '-out', file],
    ],
    { stdio: 'ignore' },
  );
  return { file, tls: { key: readFileSync(key), cert: readFileSync(file) } };
}
