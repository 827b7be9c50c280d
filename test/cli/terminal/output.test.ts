import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '#src/base/errors.js';
import { EXIT_STATUS } from '#src/cli/process/exit-status.js';
import { textTable } from '#src/cli/terminal/layout/table.js';
import { mountLine } from '#src/cli/terminal/wording/result-line.js';
import { compiled } from '../../setup/programs.js';
import { memoryOutput } from './memory-output.js';

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-output-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('Output', () => {
  const fault = {
    code: 'NOT_FOUND' as const,
    message: 'no \x1b[2Jimage\n',
    stack: 'Error: no image\n    at x',
  };

  it('says an error in one line', () => {
    const { output, text } = memoryOutput();
    output.error(fault);
    expect(text).toEqual({ stdout: '', stderr: 'layerslayer: no \\x1b[2Jimage\\x0a\n' });
  });

  it('as JSON, with nothing but code and message', () => {
    const { output, text } = memoryOutput();
    output.choices = { json: true, quiet: false, verbose: true };
    output.error(fault);
    expect(JSON.parse(text.stderr)).toEqual({ error: { code: 'NOT_FOUND', message: fault.message } });
    expect(text.stderr.trimEnd()).not.toContain('\n');
  });

  it('with its stack only when verbose', () => {
    const { output, text } = memoryOutput();
    output.choices = { json: false, quiet: false, verbose: true };
    output.error(fault);
    expect(text.stderr).toContain('    at x');
  });

  it('shows marks that turn the direction of writing, or are not seen, as bytes', () => {
    const { output, text } = memoryOutput();
    output.error({ code: 'NOT_FOUND', message: 'no \u202egpj.exe\u200b in été \x9b' });
    expect(text.stderr).toBe('layerslayer: no \\xe2\\x80\\xaegpj.exe\\xe2\\x80\\x8b in été \\xc2\\x9b\n');
  });

  it('tees everything shown', () => {
    const { output } = memoryOutput();
    const path = join(directory, 'tee.log');
    output.teeTo(path);
    output.result('a result');
    output.note('a note');
    output.error(fault);
    expect(readFileSync(path, 'utf8')).toBe('a result\na note\nlayerslayer: no \\x1b[2Jimage\\x0a\n');
  });
});

describe('a terminal that a full screen has', () => {
  it('gets held lines when it is released, the log file at once', () => {
    const { output, terminal } = memoryOutput({ isTerminal: true });
    const log = join(directory, 'held.log');
    output.teeTo(log);
    const release = output.holdTerminal();
    expect(output.canDrawLive).toBe(false);
    output.drawLive(['bar']);
    output.note('noted');
    output.result('found');
    expect(terminal.text).toBe('');
    expect(readFileSync(log, 'utf8')).toMatch(/noted[\s\S]*found/);
    release();
    output.note('after');
    expect(terminal.text).toBe('noted\nfound\nafter\n');
    expect(output.canDrawLive).toBe(true);
  });

  it('gets no more than a thousand, and their number', () => {
    const { output, text } = memoryOutput({ isTerminal: true });
    const release = output.holdTerminal();
    for (let i = 1; i <= 1300; i++) output.note(`warning ${i}`);
    release();
    const lines = text.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(1001);
    expect(lines.slice(-2)).toEqual(['warning 1000', '300 more lines']);
  });

  it('is not waited for by results that go elsewhere', () => {
    const { output, text } = memoryOutput({ isTerminal: true, isPipe: true });
    output.holdTerminal();
    output.result('found');
    expect(text.stdout).toBe('found\n');
  });
});

describe('standard output', () => {
  it('is waited for as often as there is something to wait for, without a word on stderr', async () => {
    const program = `
      import { processOutput } from '${compiled('src/cli/terminal/output/process-output.ts')}';
      const output = processOutput();
      for (let i = 0; i < 30; i++) { output.result('x'.repeat(200_000)); await output.flushed(); }`;
    const node = promisify(execFile);
    const { stdout, stderr } = await node(process.execPath, ['--input-type=module', '-e', program], {
      maxBuffer: 10_000_000,
    });
    expect(stderr).toBe('');
    expect(stdout.length).toBe(30 * 200_001);
  });
});

describe('exit statuses', () => {
  // The table of the error codes, written out once more: a change of either must be meant.
  const TABLE = {
    2: ['INVALID_ARGUMENT', 'INVALID_REFERENCE'],
    10: ['NOT_FOUND'],
    11: ['UNAUTHORIZED'],
    12: ['NO_MATCHING_PLATFORM'],
    13: ['REGISTRY_UNAVAILABLE', 'TIMED_OUT', 'RATE_LIMITED'],
    14: ['DIGEST_MISMATCH'],
    15: ['CORRUPT_LAYER'],
    16: ['UNSUPPORTED'],
    17: ['IO_FAILED'],
    20: ['MOUNT_FAILED', 'UNMOUNT_FAILED'],
    130: ['ABORTED'],
    70: ['INTERNAL'],
  };
  const pairs = Object.entries(TABLE).flatMap(([status, codes]) =>
    codes.map((code) => [code, Number(status)]),
  );

  it('are those of the contract', () => expect(EXIT_STATUS).toEqual(Object.fromEntries(pairs)));
  it('cover every code', () => expect(Object.keys(EXIT_STATUS).sort()).toEqual([...ERROR_CODES].sort()));
});

describe('mountLine', () => {
  const summary = {
    image: 'docker.io/library/nginx:alpine',
    digest: `sha256:${'ab'.repeat(32)}` as never,
    platform: 'linux/amd64',
    layers: 8,
    entries: 5432,
    mountpoint: '/mnt/img',
    pid: 1,
    log: '/l',
    bytesFetched: 20_761_805,
    verified: true,
    layersByTable: 0,
    layersByIndex: 0,
  };

  it('is the line of the contract', () => {
    expect(mountLine(summary, 1_900)).toBe(
      `docker.io/library/nginx:alpine@${summary.digest} (linux/amd64, 8 layers, 5432 entries) on /mnt/img, ` +
        '19.8 MiB fetched in 1.9 s',
    );
  });

  it.each([
    [2, 0, "; 2 layers by the publisher's table, not compared with the layer"],
    [1, 0, "; 1 layer by the publisher's table, not compared with the layer"],
    [0, 3, '; 3 layers by a published index, not compared with the layer'],
    [
      ...[1, 2],
      "; 1 layer by the publisher's table, 2 layers by a published index, not compared with the layer",
    ] as [number, number, string],
  ])('names layers that were not compared: %d, %d', (layersByTable, layersByIndex, end) => {
    const foreign = { ...summary, verified: false, layersByTable, layersByIndex };
    expect(mountLine(foreign, 1_900)).toBe(`${mountLine(summary, 1_900)}${end}`);
  });

  it.each(['oci:/srv/a@b', 'oci:/srv/a@b:tag@1', 'docker-archive:/srv/x.tar:@0', 'localhost:5000/x'])(
    'names the manifest after all of %s',
    (image) => {
      expect(mountLine({ ...summary, image }, 0).startsWith(`${image}@${summary.digest} (`)).toBe(true);
    },
  );

  it('names the manifest once, knows one from many, and stays one line', () => {
    const one = {
      ...summary,
      image: `x/y@sha256:${'cd'.repeat(32)}`,
      layers: 1,
      entries: 1,
      mountpoint: '/a\nb',
    };
    expect(mountLine(one, 0)).toBe(
      `x/y@${summary.digest} (linux/amd64, 1 layer, 1 entry) on /a\\x0ab, 19.8 MiB fetched in 0.0 s`,
    );
  });
});

describe('textTable', () => {
  it('aligns columns and shows control characters', () => {
    expect(
      textTable([
        ['A', 'BB', 'C'],
        ['aaa', '\x07', 'c'],
        ['a', 'b', ''],
      ]),
    ).toBe('A    BB    C\naaa  \\x07  c\na    b');
  });
});
