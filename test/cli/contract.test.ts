/** Lines of src/cli/CONTRACT.md that hold for all commands. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '#src/cli/command-names.js';
import { COMMANDS } from '#src/cli/command-table.js';
import type { OptionTable } from '#src/cli/options/option-table.js';
import { attempt, run } from '../support/child.js';
import { blobName, LayoutBuilder, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { file, tarOf } from '../support/tar.js';

const CONTRACT = fileURLToPath(new URL('../../src/cli/CONTRACT.md', import.meta.url));

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  const layers = [gzipSync(tarOf(file('a', 'lower\n'))), gzipSync(tarOf(file('a', 'one\n')))];
  writeDirectory(join(place.scratch, 'img'), layout.top([layout.image(layers)]));
});
afterEach(() => place.cleanUp());

const layerslayer = (...words: string[]) => place.layerslayer(words, { cwd: place.scratch });

describe('help', () => {
  it('has the commands of the contract, and each in one line of its own', async () => {
    const rule = /\*\*C1\*\* Commands: ([^.]*)\./.exec(readFileSync(CONTRACT, 'utf8'))![1]!;
    const words = rule.split(/[\s,()]+/).filter(Boolean);
    expect(words).toEqual(Object.keys(COMMAND_NAMES));
    const { status, stdout, stderr } = await layerslayer('--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name}( |$)`, 'm'));
    expect(stdout).toMatch(/\nExamples:(?:\n {2}layerslayer .*){2}\n/);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    'of %s has its synopsis, and all options with their values and defaults',
    async (name, { synopsis, options }) => {
      const { stdout } = await layerslayer(name, '--help');
      const text = stdout.replace(/\s+/g, ' ');
      expect(text).toContain(`Usage: layerslayer ${synopsis} `);
      for (const [long, spec] of Object.entries(options as OptionTable)) {
        const short = spec.short === undefined ? '' : `-${spec.short}, `;
        expect(text).toContain(` ${short}--${long}${spec.ifBare === undefined ? ' ' : '[='}`);
        if (spec.value !== undefined) expect(text).toContain(spec.value);
        if (spec.default !== undefined) expect(text).toContain(`default: ${spec.default})`);
      }
    },
  );

  it.each([
    ['mount', '--help'],
    ['mount', 'img', '/nowhere', '--help'],
    ['mount', '--frob', '--memory', '-h'],
    ['--help', 'mount'],
    ['help', 'mount'],
  ])('is shown wherever it is asked for: %s %s', async (...words) => {
    const { status, stdout } = await layerslayer(...words);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^Usage: layerslayer mount /)]);
  });

  it.each(['ls', 'du'])('is -h of %s alone; with an IMAGE, -h is the option of GNU', async (name) => {
    for (const alone of [
      [name, '-h'],
      ['-h', name],
    ])
      expect(await layerslayer(...alone)).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^Usage:/),
      });
    const { stdout } = await layerslayer(name, 'oci:img');
    for (const words of [['-h'], ['-ah'], ['--human-readable']])
      expect((await layerslayer(name, ...words, 'oci:img')).stdout).not.toMatch(/^Usage:/);
    expect(await layerslayer(name, '-h', 'oci:img')).toMatchObject({ status: 0, stdout });
  });

  it('is not what follows --', async () => {
    expect(await layerslayer('inspect', '--', '--help')).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('--json', () => {
  it('prints results of each command as JSON on stdout, and nothing else', async () => {
    const mnt = place.directory('mnt');
    const image = { reference: expect.stringMatching(/^oci:/) };
    const table: [words: string[], record: object][] = [
      [['mount', 'oci:img', mnt], { mountpoint: mnt, layers: 2, elapsedMs: expect.any(Number) }],
      [['mounts'], expect.arrayContaining([expect.objectContaining({ mountpoint: mnt, state: 'live' })])],
      [['inspect', 'oci:img'], { layers: [{ layer: 1 }, { layer: 2 }] }],
      [['peek', '--merged', 'oci:img', 'a'], { path: '/a', layer: 2 }],
      [['carve', 'oci:img', 'a'], { path: 'a', verified: expect.any(Boolean) }],
      [['save', 'oci:img'], { layers: [{ state: 'saved' }, { state: 'saved' }] }],
      [['index', 'oci:img'], { ...image, layers: [{ state: 'cached' }, { state: 'cached' }] }],
      [['cache', 'ls'], { totalBytes: expect.any(Number) }],
      [['cache', 'prune'], { removedFiles: 0 }],
    ];
    for (const [words, record] of table) {
      const { status, stdout } = await layerslayer(...words, '--json');
      expect(status, words.join(' ')).toBe(0);
      expect(JSON.parse(stdout), words.join(' ')).toMatchObject(record);
    }
    expect(await layerslayer('unmount', mnt, '--json')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it.each([
    [['inspect', 'oci:nowhere'], 10, 'NOT_FOUND'],
    [['mount', 'oci:img', '/nowhere'], 20, 'MOUNT_FAILED'],
    [['unmount', '/proc'], 20, 'UNMOUNT_FAILED'],
    [['inspect', 'UPPER'], 2, 'INVALID_REFERENCE'],
    [['peek', 'oci:img', '/nowhere'], 10, 'NOT_FOUND'],
    [['carve', 'oci:img', '/nowhere'], 10, 'NOT_FOUND'],
    [['save', 'oci:img', '--layer', '3'], 10, 'NOT_FOUND'],
    [['index', '--frob'], 2, 'INVALID_ARGUMENT'],
    [['cache', 'frob'], 2, 'INVALID_ARGUMENT'],
    [['frob'], 2, 'INVALID_ARGUMENT'],
    [['-t', 'oci:img', '--frob'], 2, 'INVALID_ARGUMENT'],
  ])('prints the error of %j as JSON on stderr', async (words, status, code) => {
    const ended = await layerslayer(...words, '--json');
    expect([ended.status, ended.stdout]).toEqual([status, '']);
    expect(JSON.parse(ended.stderr)).toEqual({ error: { code, message: expect.any(String) } });
  });
});

describe('stdout and stderr', () => {
  it('have results, and what is said besides: only results with --quiet, all in the log file', async () => {
    const log = join(place.scratch, 'log');
    const loud = await layerslayer('carve', '-v', '-l', log, 'oci:img', 'a');
    expect([loud.status, loud.stdout]).toEqual([0, expect.stringMatching(/^FOUND a .*\n$/)]);
    expect(loud.stderr).toMatch(/layer 2\/2/);
    const shown = readFileSync(log, 'utf8');
    for (const line of (loud.stdout + loud.stderr).trimEnd().split('\n'))
      expect(shown).toContain(`${line}\n`);
    const quiet = await layerslayer('inspect', '-q', 'oci:img');
    expect(quiet).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('linux/amd64') });
  });
});

describe('inspect', () => {
  it('shows an image whose layers can not be read', async () => {
    const directory = join(place.scratch, 'img');
    const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
    const blob = (digest: string) => join(directory, blobName(digest));
    const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
    for (const { digest } of manifest.layers) rmSync(blob(digest));
    const { status, stdout } = await layerslayer('inspect', 'oci:img');
    expect([status, stdout]).toEqual([0, expect.stringContaining(manifest.layers[1].digest.slice(0, 19))]);
    expect(await layerslayer('peek', 'oci:img')).toMatchObject({ status: 10 });
  });
});

describe('a mount', () => {
  it('keeps no descriptor of its caller, above 2 neither', async () => {
    const marker = join(place.scratch, 'marker');
    writeFileSync(marker, '');
    const script = 'exec 7<marker 9>>marker && exec "$@"';
    const command = [...place.program, 'mount', 'oci:img', place.directory('mnt')];
    const options = { cwd: place.scratch, env: place.env };
    expect(await attempt('bash', ['-c', script, 'bash', ...command], options)).toMatchObject({ status: 0 });
    const [daemon] = place.processes();
    expect((await run('find', [`/proc/${daemon}/fd`, '-lname', marker])).stdout).toBe('');
    expect((await run('find', [`/proc/${daemon}/fd`, '-lname', '/dev/fuse'])).stdout).not.toBe('');
  });
});

describe('mount -o', () => {
  const optionsOf = (mountpoint: string) =>
    readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .find(([, path]) => path === mountpoint)?.[3]
      ?.split(',');

  it('is read-only, without devices and setuid programs, whatever mount(8) adds', async () => {
    const mnt = await place.mount(`oci:${place.scratch}/img`, 'mnt', [
      '-o',
      'rw,dev,suid,_netdev,auto,nofail',
      '-oexec,user,defaults,x-a=b,noauto',
    ]);
    expect(optionsOf(mnt)).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']));
    expect(optionsOf(mnt)).not.toContain('noexec');
  });

  it('has devices, setuid programs and an occupied mountpoint by their own words', async () => {
    writeFileSync(join(place.directory('mnt'), 'occupied'), '');
    const image = `oci:${place.scratch}/img`;
    expect(await layerslayer('mount', image, 'mnt')).toMatchObject({ status: 20, stdout: '' });
    const mnt = await place.mount(image, 'mnt', [
      '-o',
      'setuid,devices,noexec,default_permissions',
      '-ononempty',
    ]);
    expect(optionsOf(mnt)).toEqual(expect.arrayContaining(['ro', 'noexec', 'default_permissions']));
    for (const absent of ['nosuid', 'nodev']) expect(optionsOf(mnt)).not.toContain(absent);
  });
});
