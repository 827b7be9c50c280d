import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '#src/cli/command-names.js';
import { builtProgram } from '../setup/programs.js';

const MAIN = builtProgram();
const MANIFEST = fileURLToPath(new URL('../../package.json', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-cli-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function layerslayer(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    cwd: directory,
  });
  return { status, stdout, stderr };
}

describe('the command line', () => {
  it.each([
    [[], 'no command: see layerslayer --help'],
    [['-v'], 'no command: see layerslayer --help'],
    [['-q', '--platform', 'arm64'], 'no command: see layerslayer --help'],
    [['--bogus'], 'unknown option: --bogus: see layerslayer --help'],
    [['--platfrom', 'arm64'], 'unknown option: --platfrom: did you mean --platform? see layerslayer --help'],
    [['-z', '--json=x'], 'unknown option: -z: see layerslayer --help'],
    [['-V'], 'unknown option: -V: did you mean --version? see layerslayer --help'],
    [['mounts', '-V'], 'unknown option: -V: see layerslayer mounts --help'],
    [['-l'], '--log-file wants a value: FILE'],
    [['frobnicate'], 'no such command: frobnicate: see layerslayer --help'],
    [['/mnt'], 'no such command: /mnt: see layerslayer --help'],
    [['a', '-o', 'rw'], 'no such command: a: see layerslayer --help'],
    [
      ['mont', 'nginx'],
      'no such command: mont (did you mean mount? An image of that name: layerslayer mount mont DIR): see layerslayer --help',
    ],
    [
      ['pull', 'nginx', '/a'],
      'no such command: pull (layerslayer save IMAGE downloads layers; layerslayer mount needs no download; an image of that name: layerslayer mount pull DIR): see layerslayer --help',
    ],
    [
      ['mount'],
      'mount wants IMAGE MOUNTPOINT: IMAGE and MOUNTPOINT are missing: see layerslayer mount --help',
    ],
    [['mount', 'a'], 'mount wants IMAGE MOUNTPOINT: MOUNTPOINT is missing: see layerslayer mount --help'],
    [['carve', 'a'], 'carve wants IMAGE PATH...: PATH is missing: see layerslayer carve --help'],
    [['inspect'], 'inspect wants IMAGE: see layerslayer inspect --help'],
    [
      ['mount', 'a', 'b', 'c'],
      'mount wants IMAGE MOUNTPOINT: c is one too many: see layerslayer mount --help',
    ],
    [
      ['mount', 'a', '--', 'b', '-c'],
      'mount wants IMAGE MOUNTPOINT: -c is one too many: see layerslayer mount --help',
    ],
    [['mount', '--frob', 'a', 'b'], 'unknown option: --frob: see layerslayer mount --help'],
    [['a', 'b', '-o', 'frob'], 'unknown mount option: -o frob'],
    [['mount', 'a', ''], 'mount wants IMAGE MOUNTPOINT, got an empty one: see layerslayer mount --help'],
    [['unmount', ''], 'unmount wants MOUNTPOINT..., got an empty one: see layerslayer unmount --help'],
    [
      ['save', '--output-dir', 'd', 'a'],
      'unknown option: --output-dir: did you mean --output? see layerslayer save --help',
    ],
    [
      ['carve', '--output', 'd', 'a', '/b'],
      'unknown option: --output: did you mean --output-dir? see layerslayer carve --help',
    ],
    [['mounts', 'a'], 'mounts wants no arguments: a is one too many: see layerslayer mounts --help'],
    [['unmount'], 'unmount wants a MOUNTPOINT, or --all'],
    [['umount', '--all', '/x'], '--all takes no mountpoint'],
    [
      ['umount', '-l', '/mnt'],
      'unmount wants a MOUNTPOINT, or --all (-l is --log-file; umount -l is --lazy)',
    ],
  ])('%j is wrong usage', (words, message) => {
    expect(layerslayer(...words)).toEqual({ status: 2, stdout: '', stderr: `layerslayer: ${message}\n` });
  });

  it('checks usage, then the reference, then the mountpoint', () => {
    const nowhere = join(directory, 'nowhere');
    const code = (...words: string[]) => {
      const run = layerslayer('mount', '--json', ...words);
      return [run.status, JSON.parse(run.stderr).error.code];
    };
    expect(code('UPPER', nowhere, '--memory', 'x')).toEqual([2, 'INVALID_ARGUMENT']);
    expect(code('UPPER', nowhere)).toEqual([2, 'INVALID_REFERENCE']);
    // 192.0.2.1 (RFC 5737) answers nobody: a request to it would outlast the test.
    expect(code('192.0.2.1/x', nowhere)).toEqual([20, 'MOUNT_FAILED']);
    expect(code('192.0.2.1/x', MAIN)).toEqual([20, 'MOUNT_FAILED']);
  });

  it('tells wrong usage as JSON too', () => {
    const message = 'no such command: frobnicate: see layerslayer --help';
    const { status, stderr } = layerslayer('frobnicate', '--json');
    expect([status, JSON.parse(stderr)]).toEqual([2, { error: { code: 'INVALID_ARGUMENT', message } }]);
  });

  it('knows which places it does not support', () => {
    expect(layerslayer('mount', 'docker-daemon:nginx:latest', directory)).toMatchObject({
      status: 16,
      stderr: expect.stringMatching(
        /^layerslayer: docker-daemon:nginx:latest: docker-daemon is not .*skopeo copy/,
      ),
    });
  });

  it('opens no log file below the mountpoint', () => {
    const mountpoint = mkdtempSync(join(directory, 'mnt-'));
    const run = layerslayer('mount', 'nginx', mountpoint, '-l', join(mountpoint, 'log'));
    expect(run).toMatchObject({ status: 2, stderr: expect.stringContaining('lies below the mountpoint') });
    expect(readdirSync(mountpoint)).toEqual([]);
  });

  it('works in a directory that was deleted', () => {
    const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" "$@"';
    const run = (...words: string[]) =>
      spawnSync('bash', ['-c', script, process.execPath, MAIN, ...words], { encoding: 'utf8' });
    expect(run('unmount', '/proc')).toMatchObject({
      status: 20,
      stderr: 'layerslayer: /proc is not a mount of layerslayer\n',
    });
    expect(run('mount', 'nginx', 'mnt')).toMatchObject({
      status: 20,
      stderr: expect.stringMatching(
        /^layerslayer: mountpoint mnt: no such directory; create it first \(the working directory was removed: use absolute paths\)\n$/,
      ),
    });
  });

  it('unmounts nothing that is not ours', () => {
    const proc = layerslayer('unmount', '/proc', directory);
    expect(proc).toEqual({
      status: 20,
      stdout: '',
      stderr:
        'layerslayer: /proc is not a mount of layerslayer\n' +
        `layerslayer: ${directory} is not a mount of layerslayer\n`,
    });
  });

  it.each([...new Set(Object.values(COMMAND_NAMES))])('%s --help ends with its exit statuses', (command) => {
    const { status, stdout, stderr } = layerslayer(command, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: layerslayer ${command} `));
    expect(stdout).toMatch(/\nExamples:(?:\n {2}.*layerslayer .*){2}\n\nExit status:\n(?: +\d+ {2}.+\n)+$/);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('shows each option with its value and its default', () => {
    const { stdout } = layerslayer('mount', '--help');
    expect(stdout).toMatch(/\n {2}-f, --foreground {2,}stay in the foreground/);
    expect(stdout).toMatch(/\n {6}--memory SIZE {2,}cap of .*\n? *\(default:\s+64MiB\)\n/);
    expect(stdout).toMatch(/\n {2}-l, --log-file FILE {2,}/);
    expect(stdout).toMatch(
      /\n {6}--index KIND {2,}[^()]*\(none\|exact\|image\|trusted\|any; default:\s+exact\)\n/,
    );
  });

  it('shows its commands and its version', () => {
    expect(layerslayer('--help').stdout).toMatch(/\n {2}mounts .*\n/);
    const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8'));
    expect(layerslayer('--version')).toEqual({ status: 0, stdout: `layerslayer ${version}\n`, stderr: '' });
  });

  it('speaks English in every locale', () => {
    const env = { ...process.env, LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8' };
    const run = (...words: string[]) =>
      spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', env, cwd: directory });
    expect(run('mounts', '--frob').stderr).toBe(
      'layerslayer: unknown option: --frob: see layerslayer mounts --help\n',
    );
    expect(run('mounts', '--help').stdout).toBe(layerslayer('mounts', '--help').stdout);
  });

  it('ends quietly when nobody reads on', () => {
    const script = '"$0" "$1" mount --help | true; echo "$PIPESTATUS"';
    const run = spawnSync('bash', ['-c', script, process.execPath, MAIN], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.stdout).toBe('0\n');
  });

  it('tees to --log-file what it shows', () => {
    const log = join(directory, 'shown.log');
    layerslayer('unmount', '/proc', '--log-file', 'shown.log');
    expect(readFileSync(log, 'utf8')).toBe('layerslayer: /proc is not a mount of layerslayer\n');
    expect(layerslayer('mounts', '-l', directory).status).toBe(17);
  });
});
