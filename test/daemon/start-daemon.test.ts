import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FUSE_READERS } from '#src/daemon/start-daemon.js';
import { READERS } from '#src/fuse/dev-fuse/device-channel.js';
import { compiled } from '../setup/programs.js';

const PRINT_FILES = compiled('test/daemon/print-files.mjs');
const START = `
  import { startDaemon } from '${compiled('src/daemon/start-daemon.ts')}';
  const child = startDaemon(${JSON.stringify(PRINT_FILES)});
  child.on('message', (files) => { console.log(JSON.stringify(files)); child.disconnect(); });
`;

it('knows how many threads the transport keeps busy', () => expect(FUSE_READERS).toBe(READERS));

it('hands on no descriptor of its caller', () => {
  // 9 as a script's lock, 63 as bash's process substitution: the one below Node's own sweep, the other above.
  const script = 'exec 9</etc/hostname 63</etc/hostname; exec "$0" --input-type=module -e "$1"';
  const run = spawnSync('bash', ['-c', script, process.execPath, START], {
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  const files = JSON.parse(run.stdout) as string[];
  expect(files.length).toBeGreaterThan(3);
  const text = readFileSync('/etc/hostname', 'utf8'); // it is there, so that it could have been handed on
  expect(text).not.toBe('');
  expect(files.filter((file) => file.includes('hostname'))).toEqual([]);
});
