import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pager } from '#src/cli/terminal/output/output.js';
import { pagerCommand } from '#src/cli/terminal/output/pager.js';
import { FaultProxy, stallAfter } from '../../support/fault-proxy.js';
import { LayoutBuilder, writeDirectory } from '../../support/local-images.js';
import { until, Workplace } from '../../support/mounts.js';
import { pushImage, startRegistry } from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { Terminal } from '../../support/terminal.js';
import { memoryOutput } from './memory-output.js';

/** Lines of the long listing: more than a pipe takes. */
const MANY = 20_000;

let place: Workplace;
const terminals: Terminal[] = [];

beforeEach(() => {
  place = new Workplace();
  writeImage('short', 5);
});
afterEach(async () => {
  for (const terminal of terminals.splice(0)) terminal.close();
  await place.cleanUp();
});

const listed = (files: number) =>
  tarOf(...Array.from({ length: files }, (_, i) => file(`file-${String(i).padStart(6, '0')}`, '')));

function writeImage(name: string, files: number): void {
  const layout = new LayoutBuilder();
  writeDirectory(join(place.scratch, name), layout.top([layout.image([gzipSync(listed(files))])]));
}

/** Runs the command in a terminal of its own. */
function open(args: readonly string[], env: NodeJS.ProcessEnv = {}, program = place.program): Terminal {
  const terminal = new Terminal(place.scratch, [...program, ...args], {
    cwd: place.scratch,
    env: { ...place.env, ...env },
    rows: 24,
  });
  terminals.push(terminal);
  return terminal;
}

/** A pager that is a shell script. */
function script(text: string): string {
  const path = join(place.scratch, 'pager');
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const peek = (image: string, ...more: string[]) => ['peek', '--simple', ...more, `oci:${image}`];
const written = (name: string) => readFileSync(join(place.scratch, name), 'utf8');
const atRest = { modes: 'icanon echo', cursorShown: true };

describe('less', () => {
  it('shows a long listing page by page; q ends the command at once, with 0', async () => {
    writeImage('long', MANY);
    const terminal = open(peek('long'));
    const first = await terminal.shows(/file-000010[\s\S]*\n:$/);
    expect(first).not.toContain('file-000030');
    terminal.press('Space');
    await terminal.shows(/file-000030[\s\S]*\n:$/);
    terminal.press('q');
    expect(await terminal.left()).toEqual({ status: 0, ...atRest });
  });

  it('ends by itself if all fits on the screen', async () => {
    const terminal = open(peek('short'));
    expect(await terminal.left()).toEqual({ status: 0, ...atRest });
    expect(terminal.screen()).toContain('file-000004');
  });

  it('outlives Ctrl-C, several times, and leaves the terminal as it was', async () => {
    writeImage('long', MANY);
    const terminal = open(peek('long'));
    await terminal.shows(/file-000010[\s\S]*\n:$/);
    for (let i = 0; i < 3; i++) {
      terminal.press('C-c');
      await sleep(200);
    }
    terminal.press('Space');
    await terminal.shows(/file-000030/);
    terminal.press('q');
    expect(await terminal.left()).toEqual({ status: 130, ...atRest });
    expect(terminal.screen()).toContain('layerslayer: interrupted');
  });
});

describe('$PAGER', () => {
  it('gets all lines, and variables for less and lv', async () => {
    writeImage('long', MANY);
    const pager = script('echo "$LESS $LV" >env; wc -l >lines');
    expect(await open(peek('long'), { PAGER: pager }).left()).toEqual({ status: 0, ...atRest });
    expect(written('env')).toBe('FRX -c\n');
    expect(Number(written('lines'))).toBe(MANY + 1); // and the heading
  });

  it('is a command of the shell, and keeps the user’s variables', async () => {
    const env = { PAGER: 'sed s/file/FILE/ | cat', LESS: 'S' };
    const terminal = open(peek('short'), env);
    await terminal.left();
    expect(terminal.screen()).toContain('FILE-000004');
  });

  it('gets lines while a layer is read', async () => {
    const registry = await startRegistry();
    const rules = [{ path: /blobs/, fault: stallAfter(8192) }]; // more than the config
    const proxy = await FaultProxy.start({ target: registry.url, rules });
    try {
      await pushImage(registry, 'test/app:v1', { layers: [gzipSync(listed(MANY))] });
      const pager = script('head -3 >first; touch ready; cat >/dev/null');
      const terminal = open(['peek', '--simple', `${proxy.host}/test/app:v1`], { PAGER: pager });
      await until(
        () => existsSync(join(place.scratch, 'ready')),
        20_000,
        () => 'no lines came',
      );
      expect(written('first')).toContain('file-000000');
      terminal.press('C-c');
      expect(await terminal.left()).toEqual({ status: 130, ...atRest });
    } finally {
      await proxy.stop();
      await registry.stop();
    }
  });

  it('that ends early ends the command, with 0', async () => {
    writeImage('long', MANY);
    const terminal = open(peek('long'), { PAGER: script('head -2') });
    expect(await terminal.left()).toEqual({ status: 0, ...atRest });
    expect(terminal.screen()).not.toContain('file-000100');
  });

  it('does not change the command’s status, and errors are shown after it', async () => {
    const terminal = open([...peek('short'), '/file-000001', '/none'], {
      PAGER: script('sleep 1; cat; echo "end of pager"'),
    });
    expect(await terminal.left()).toEqual({ status: 10, ...atRest });
    expect(terminal.screen()).toMatch(/file-000001[\s\S]*end of pager\n.*none/);
  });

  it.each([['/no/such/pager'], ['no-such-pager -x'], ['/etc/passwd']])(
    'that can not be started is left out: %s',
    async (pager) => {
      const terminal = open(peek('short'), { PAGER: pager });
      expect(await terminal.left()).toEqual({ status: 0, ...atRest });
      expect(terminal.screen()).toContain('file-000004');
    },
  );

  it.each([
    ['--no-pager', ['--no-pager'], ''],
    ['--json', ['--json'], ''],
    ['TERM=dumb', [], 'TERM=dumb '],
  ])('is not used with %s', async (_, options, variables) => {
    const pager = script('touch used; cat');
    const run = ['sh', '-c', `${variables}exec "$@"`, 'sh', ...place.program];
    const terminal = open(['peek', ...options, 'oci:short'], { PAGER: pager }, run);
    expect(await terminal.left()).toMatchObject({ status: 0 });
    expect(terminal.screen()).toContain('file-000004');
    expect(existsSync(join(place.scratch, 'used'))).toBe(false);
  });

  it('is not used by commands that list nothing, nor in a pipe', async () => {
    const pager = script('touch used; cat');
    expect((await open(['inspect', 'oci:short'], { PAGER: pager }).left()).status).toBe(0);
    await place.layerslayer(peek('short'), { cwd: place.scratch, env: { PAGER: pager } });
    expect(existsSync(join(place.scratch, 'used'))).toBe(false);
  });
});

it.each([
  [{}, 'less'],
  [{ PAGER: 'more' }, 'more'],
  [{ PAGER: '' }, undefined],
  [{ PAGER: ' cat ' }, undefined],
  [{ TERM: 'dumb' }, undefined],
  [{ TERM: undefined }, undefined],
  [{ PATH: '/nowhere' }, undefined],
])('the pager of %j is %s', (more, command) => {
  const env = { TERM: 'xterm', PATH: process.env.PATH, ...more };
  expect(pagerCommand(env, true)).toBe(command);
  expect(pagerCommand(env, false)).toBeUndefined();
});

describe('output in a pager', () => {
  function paged() {
    const { output, text } = memoryOutput({ isTerminal: true });
    const broken = new AbortController();
    const shown: string[] = [];
    const pager: Pager = {
      isRunning: true,
      broken: broken.signal,
      write: (more) => void shown.push(String(more)),
      flushed: () => undefined,
      close: async () => {},
    };
    let started = 0;
    output.pageResults(() => {
      started++;
      return pager;
    });
    return { output, text, shown, broken, started: () => started };
  }

  it('begins with the first result, below no bars', async () => {
    const { output, text, shown, started } = paged();
    output.drawLive(['[###---]']);
    expect(started()).toBe(0);
    output.result('one');
    output.drawLive(['[####--]']);
    output.result('two');
    expect([started(), shown, text.stdout]).toEqual([1, ['one\n', 'two\n'], '']);
    expect(text.stderr).toMatch(/^\[###---\]\n\r\x1b\[1A\x1b\[J$/);
  });

  it('is never begun without a result', async () => {
    const { output, text, started } = paged();
    output.note('none');
    await output.endPaging();
    output.result('later');
    expect([started(), text]).toEqual([0, { stdout: 'later\n', stderr: 'none\n' }]);
  });

  it('lets other lines wait, a thousand at most', async () => {
    const { output, text } = paged();
    output.result('one');
    for (let i = 0; i < 1002; i++) output.note(`note ${i}`);
    expect(text.stderr).toBe('');
    await output.endPaging();
    expect(text.stderr.split('\n').slice(-4)).toEqual(['note 998', 'note 999', '2 more lines', '']);
  });

  it('is broken when the user leaves', () => {
    const { output, broken } = paged();
    output.result('one');
    expect(output.broken.aborted).toBe(false);
    broken.abort();
    expect(output.broken.aborted).toBe(true);
  });
});
