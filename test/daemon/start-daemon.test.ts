import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FUSE_READERS } from '#dist/daemon/start-daemon.js';
import { READERS } from '#dist/fuse/dev-fuse/device-channel.js';

const PRINT_FILES = fileURLToPath(new URL('./print-files.mjs', import.meta.url));
const START = `
  import { startDaemon } from '#dist/daemon/start-daemon.js';
  const child = startDaemon(${JSON.stringify(PRINT_FILES)});
  child.on('message', (files) => { console.log(JSON.stringify(files)); child.disconnect(); });
`;

it('knows how many threads the transport keeps busy', () => expect(FUSE_READERS).toBe(READERS));

it('hands on no descriptor of its caller', () => {
  // 9 as a script's lock, 63 as bash's process substitution: the one below Node's own sweep, the other above.
  const script = 'exec 9</etc/hostname 63</etc/hostname; exec "$0" --input-type=module -e "$1"';
  const run = spawnSync('bash', ['-c', script, process.execPath, START], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  expect(run.stderr).toBe('');
  const files = JSON.parse(run.stdout) as string[];
  expect(files.length).toBeGreaterThan(3);
  const text = readFileSync('/etc/hostname', 'utf8'); // it is there, so that it could have been handed on
  expect(text).not.toBe('');
  expect(files.filter((file) => file.includes('hostname'))).toEqual([]);
});
