import { spawn } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attempt, run } from '../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { until, Workplace } from '../support/mounts.js';
import { file, tarOf } from '../support/tar.js';

/** The summary of scripts/test, and the mounts that it counts as its own. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

describe('the summary', () => {
  /**
   * Runs these test files.
   * @param isOver decides from the journal when to kill the run
   */
  async function summaryOf(
    files: Record<string, string>,
    steps: string,
    isOver?: (journal: string) => boolean,
  ): Promise<{ status: number | null; lines: string[] }> {
    symlinkSync(join(ROOT, 'node_modules'), join(place.scratch, 'node_modules'));
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(place.scratch, `${name}.test.mjs`), text);
    const path = join(place.scratch, 'journal');
    const journal = () => (existsSync(path) ? readFileSync(path, 'utf8') : '');
    const vitest = spawn(
      process.execPath,
      [
        join(ROOT, 'node_modules/vitest/vitest.mjs'),
        ...['run', '--root', place.scratch, '--maxWorkers=2'],
        `--reporter=${join(ROOT, 'scripts/test-journal.mjs')}`,
      ],
      {
        cwd: place.scratch,
        stdio: 'ignore',
        detached: true,
        env: { ...place.env, LAYERSLAYER_TEST_JOURNAL: path },
      },
    );
    const ended = new Promise((resolve) => vitest.once('exit', resolve));
    if (isOver) {
      await until(() => isOver(journal()), 60_000, journal);
      process.kill(-vitest.pid!, 'SIGKILL');
    }
    await ended;
    writeFileSync(join(place.scratch, 'steps'), steps);
    const { status, stdout } = await attempt(process.execPath, [
      join(ROOT, 'scripts/test-summary.mjs'),
      path,
      join(place.scratch, 'steps'),
    ]);
    return { status, lines: stdout.trim().split('\n') };
  }

  const QUICK = `import { it } from 'vitest'; it('passes', () => {}); it.skip('waits', () => {});`;

  it('counts finished tests when a deadline ends the run, and reports the deadline', async () => {
    const files = {
      quick: QUICK,
      spinning: `import { it } from 'vitest'; it('spins', () => { for (;;); });`,
    };
    const { status, lines } = await summaryOf(
      files,
      'the deadline of 9 s for all tests\ntests\n',
      (journal) => journal.includes('"event":"file"') && /"event":"begin","name":"spinning/.test(journal),
    );
    expect(lines).toEqual([
      '1 of 2 test files did not run to their end',
      'skipped: quick.test.mjs: waits',
      'failed: spinning.test.mjs: did not run to its end',
      'failed: the deadline of 9 s for all tests',
      '1 passed, 2 failed, 1 skipped',
    ]);
    expect(status).toBe(1);
  });

  it('counts a file that could not be loaded, and each test once', async () => {
    const files = {
      quick: QUICK,
      failing: `import { it } from 'vitest'; it('fails', () => { throw new Error('x'); });`,
      unloadable: `import './nothing.mjs';`,
      unready: `import { beforeAll, it } from 'vitest'; beforeAll(() => { throw new Error('no hook'); }); it('a', () => {});`,
    };
    const { status, lines } = await summaryOf(files, 'tests\n');
    expect(lines.toSorted()).toEqual([
      '1 passed, 3 failed, 2 skipped',
      'failed: failing.test.mjs: fails',
      expect.stringMatching(/^failed: unloadable.test.mjs: Cannot find module/),
      'failed: unready.test.mjs: no hook',
      'skipped: quick.test.mjs: waits',
      'skipped: unready.test.mjs: a',
    ]);
    expect(status).toBe(1);
  });
});

it('only mounts below a directory of the run count as left behind', async () => {
  const layout = new LayoutBuilder();
  writeDirectory(
    join(place.scratch, 'layout'),
    layout.top([named(layout.image([tarOf(file('a', 'a'))]), 'v1')]),
  );
  const mountpoint = await place.mount(`oci:${join(place.scratch, 'layout')}:v1`);
  const own = async (directory: string) => {
    const script = `root=${ROOT}; . "$root/scripts/common.sh"; own_mounts "$1"`;
    return (await run('bash', ['-c', script, 'bash', directory])).stdout;
  };
  expect(await own(place.scratch)).toBe(`${mountpoint}\n`);
  for (const other of [`${place.scratch}/other`, place.scratch.slice(0, -1)])
    expect(await own(other)).toBe('');
});
