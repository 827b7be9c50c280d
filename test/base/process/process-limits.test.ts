import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { compiled } from '../../setup/programs.js';

const PRINT = `
  import { hopelessLimit, savesAddressSpace, tightLimits } from '${compiled('src/base/process/process-limits.ts')}';
  console.log(JSON.stringify({ hopeless: hopelessLimit(), tight: tightLimits(), saves: savesAddressSpace() }));
`;

/** The limits that a process reports under these `ulimit` settings. */
function under(limits: string, options: readonly string[] = [], as = ''): Record<string, unknown> {
  const script = `${limits}; exec ${as} "$@"`;
  const args = ['-c', script, 'bash', process.execPath, ...options, '--input-type=module', '-e', PRINT];
  const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
}

it.each([
  ['none', 'ulimit -n 4096', {}],
  ['few files', 'ulimit -n 100', { tight: 'open files are limited to 100 (ulimit -n)' }],
  [
    'little space',
    'ulimit -n 4096 -v 4000000',
    { tight: 'the address space is limited to 4000000 KiB (ulimit -v)' },
  ],
  [
    'both',
    'ulimit -n 100 -v 4000000',
    {
      tight:
        'the address space is limited to 4000000 KiB (ulimit -v), open files are limited to 100 (ulimit -n)',
    },
  ],
])('names the limits that may be too low: %s', (_, limits, known) => {
  expect(under(limits)).toEqual({ saves: false, ...known });
});

it('names a limit under which nothing works', () => {
  // Node 24 and later do not start at all with 1,100,000 KiB.
  const { hopeless } = under('ulimit -v 1500000');
  expect(hopeless).toBe(
    'the address space is limited to 1500000 KiB (ulimit -v): layerslayer needs 1572864 KiB or more',
  );
});

it('recognises the options that save space', () => {
  expect(under(':', ['--disable-wasm-trap-handler', '--wasm-max-mem-pages=256']).saves).toBe(true);
  expect(under(':', ['--disable-wasm-trap-handler']).saves).toBe(false);
});
