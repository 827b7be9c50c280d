import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the package that this file (`dist/cli/version.js`) was installed with. */
export function version(): string {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
