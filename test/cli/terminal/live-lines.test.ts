import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noise } from '../../blob/bytes.js';
import { LayoutBuilder, writeDirectory } from '../../support/local-images.js';
import { Workplace } from '../../support/mounts.js';
import { dir, file, tarOf } from '../../support/tar.js';
import { Terminal } from '../../support/terminal.js';

const LINES = Array.from({ length: 8 }, (_, i) => `line ${i + 1}`);

let place: Workplace;
let terminal: Terminal | undefined;
beforeEach(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  const layers = [
    tarOf(dir('etc/'), file('etc/lines', `${LINES.join('\n')}\n`), file('noise', noise(2_000_000, 1))),
    tarOf(file('b', noise(500_000, 2))),
    tarOf(file('c', noise(500_000, 3))),
  ];
  writeDirectory(join(place.scratch, 'img'), layout.top([layout.image(layers.map((tar) => gzipSync(tar)))]));
});
afterEach(async () => {
  terminal?.close();
  terminal = undefined;
  await place.cleanUp();
});

/** @returns what stays on the screen of a command line, in which `"$@"` is the program */
async function screenOf(script: string): Promise<string[]> {
  const command = ['bash', '-c', script, 'bash', ...place.program];
  terminal = new Terminal(place.scratch, command, { cwd: place.scratch, env: place.env });
  await terminal.left();
  const lines = terminal.screen().split('\n');
  return lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('status=')),
  );
}

describe('on a terminal, of a cold image', () => {
  it.each([
    ['"$@" carve -o - --verify oci:img etc/lines', LINES],
    ['"$@" carve -o - --verify oci:img etc/lines | sed "s/^/> /"', LINES.map((line) => `> ${line}`)],
    ['"$@" carve -o - oci:img etc/lines | cat', LINES],
    ['"$@" carve -r -o - oci:img etc | tar -xO', LINES],
  ])('%s leaves all content on the screen, and no bar', async (script, lines) => {
    const screen = await screenOf(script);
    expect(screen.filter((line) => lines.includes(line))).toEqual(lines);
    expect(screen.join('\n')).not.toMatch(/^layer \d/m);
  });

  it.each(['"$@" save oci:img', '"$@" save oci:img | cat'])(
    '%s leaves its results on the screen, and no bar',
    async (script) => {
      const screen = await screenOf(script);
      expect(screen.filter((line) => line.includes('sha256_'))).toHaveLength(3);
      expect(screen.join('\n')).not.toMatch(/\[#*-*\]/);
    },
  );

  it.each([
    ['xterm', true],
    ['dumb', false],
  ])('TERM=%s gets codes that move the cursor: %s', (term, moves) => {
    const typescript = join(place.scratch, 'typescript');
    const program = `${place.program.join(' ')} carve --verify oci:img etc/lines`;
    execFileSync('script', ['-qec', program, typescript], {
      cwd: place.scratch,
      env: { ...place.env, TERM: term },
      stdio: 'ignore',
    });
    const shown = readFileSync(typescript, 'latin1').split('\n').slice(1, -1).join('\n');
    expect(shown).toContain('FOUND');
    expect(shown.includes('\x1b[')).toBe(moves);
  });
});
