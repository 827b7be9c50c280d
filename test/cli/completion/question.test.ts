import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../../setup/programs.js';
import { LayoutBuilder, named, writeDirectory } from '../../support/local-images.js';
import { Workplace } from '../../support/mounts.js';
import { file, tarOf } from '../../support/tar.js';

const BREAKS = ' \t\n"\'@><=;|&(:';
const ENTRIES = 30_000;

/** Milliseconds of CPU that a completion may take. */
const CPU_MAX_MS = 200;
/** A machine that is slower than ours is measured by an empty Node. */
const EMPTY_NODES_MAX = 4;

const place = new Workplace();
const ask = (...words: string[]) =>
  place.layerslayer(['--get-completions', ...words], { cwd: place.scratch });

beforeAll(async () => {
  const entries = Array.from({ length: ENTRIES }, (_, i) =>
    file(`usr/share/doc/package-${Math.floor(i / 20)}/some-file-name-${i % 20}.txt`, ''),
  );
  const builder = new LayoutBuilder();
  writeDirectory(
    join(place.scratch, 'img'),
    builder.top([named(builder.image([tarOf(...entries)]), 'latest')]),
  );
  expect(await place.layerslayer(['index', 'oci:img'], { cwd: place.scratch })).toMatchObject({ status: 0 });
});
afterAll(() => place.cleanUp());

/** Milliseconds of CPU, user and system, of the best of five runs. */
function cpuMs(words: readonly string[]): number {
  const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1';
  const times = Array.from({ length: 5 }, () => {
    const { stderr } = spawnSync('bash', ['-c', script, 'bash', ...words], {
      encoding: 'utf8',
      env: place.env,
      cwd: place.scratch,
    });
    return stderr
      .trim()
      .split(' ')
      .reduce((sum, seconds) => sum + Number(seconds) * 1000, 0);
  });
  return Math.min(...times);
}

describe('the question of a shell', () => {
  it.each([
    [],
    ['bash'],
    ['bash', BREAKS],
    ['bash', BREAKS, 'layerslayer'],
    ['bash', BREAKS, 'layerslayer peek oci:none:x /'],
    ['bash', BREAKS, 'layerslayer peek docker-daemon:x /'],
    ['bash', BREAKS, 'layerslayer peek --platform ??? x /'],
    ['bash', BREAKS, 'layerslayer peek --cache-dir /dev/null x /'],
    ['bash', BREAKS, 'layerslayer inspect oci:/dev/zero:x'],
    ['bash', BREAKS, `layerslayer ${"'".repeat(100_000)}`],
    ['zsh'],
    ['fish', ''],
    ['tcsh', 'x'],
  ])('%j is answered without a fault', async (...words) => {
    expect(await ask(...words)).toMatchObject({ status: 0, stderr: '' });
  });

  it('is answered quietly when the cache is damaged, or its output is closed', async () => {
    mkdirSync(join(place.scratch, 'damaged/v2/images'), { recursive: true });
    writeFileSync(join(place.scratch, 'damaged/v2/images', 'ab'.repeat(32)), '{');
    const question = ['bash', BREAKS, 'layerslayer inspect --cache-dir damaged '];
    const stdout = '\noci:\noci-archive:\ndocker-archive:\n';
    expect(await ask(...question)).toEqual({ status: 0, signal: null, stdout, stderr: '' });
    const closed = 'exec "$@" >&-';
    const words = [process.execPath, builtProgram(), '--get-completions', ...question];
    expect(spawnSync('sh', ['-c', closed, 'sh', ...words], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it('is answered without network and threads', () => {
    const guard = join(place.scratch, 'guard.mjs');
    writeFileSync(
      guard,
      `import { Socket } from 'node:net';
import dns from 'node:dns';
import threads from 'node:worker_threads';
import children from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
const refuse = () => { process.stdout.write('FORBIDDEN'); throw new Error('forbidden'); };
Socket.prototype.connect = refuse;
dns.lookup = refuse;
threads.Worker = class { constructor() { refuse(); } };
children.spawn = children.fork = refuse;
syncBuiltinESMExports();
`,
    );
    const guarded = (...words: string[]) => {
      const args = ['--import', guard, builtProgram(), ...words];
      return spawnSync(process.execPath, args, { encoding: 'utf8', env: place.env, cwd: place.scratch })
        .stdout;
    };
    expect(guarded('inspect', 'localhost:1/x')).toContain('FORBIDDEN'); // the guard is one
    const answer = (line: string) => guarded('--get-completions', 'bash', BREAKS, `layerslayer ${line}`);
    expect(answer('peek oci:img /us')).toBe('nospace filenames noquote\n/usr/\n');
    expect(answer('inspect oci-')).toBe('nospace\noci-archive:\n');
    expect(answer('unmount /nothing')).toBe('filenames noquote\n');
  });

  it('costs at most 200 ms of CPU, in an image of 30,000 entries', () => {
    const command = [process.execPath, builtProgram(), '--get-completions', 'bash', BREAKS];
    const limit = Math.max(CPU_MAX_MS, EMPTY_NODES_MAX * cpuMs([process.execPath, '-e', '0']));
    for (const line of ['mo', 'inspect n', 'peek oci:img /usr/share/doc/package-1', 'unmount /'])
      expect(cpuMs([...command, `layerslayer ${line}`]), line).toBeLessThanOrEqual(limit);
  });
});
