import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runTool } from '#src/fuse/mounting/run-tool.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'layerslayer-tool-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('passes arguments byte for byte', async () => {
  const names = [
    'plain',
    'l\udce9',
    'ends in newlines\udcff\n\n',
    '%s \' " $HOME `id` \\n \udc80',
    '-\udcfe',
    'é\udce9',
  ];
  for (const name of names) {
    const result = await runTool('touch', ['--', `${directory}/${name}`], { deadlineMs: 10_000 });
    expect(result).toEqual({ status: 0, stderr: '' });
  }
  const bytes = (name: string) =>
    Buffer.from(
      name
        .replace('é', 'Ã©')
        .replace(/[\udc80-\udcff]/g, (one) => String.fromCharCode(one.charCodeAt(0) - 0xdc00)),
      'latin1',
    ).toString('hex');
  const found = readdirSync(directory, 'buffer').map((name) => name.toString('hex'));
  expect(found.sort()).toEqual(names.map(bytes).sort());
});

test('reports the output and the exit of the program', async () => {
  const ended = await runTool('ls', ['--', `${directory}/l\udce9`], { deadlineMs: 10_000 });
  expect(ended.status).toBe(2);
  expect(ended.stderr).toContain('No such file or directory');
});
