import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '#src/cli/command-names.js';
import { builtProgram } from '../setup/programs.js';

const MAIN = builtProgram();
const support = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-completion-'));
const scripts = { bash: join(directory, 'layerslayer.bash'), zsh: join(directory, '_layerslayer') };
/** Where one completes. */
const cwd = join(directory, 'cwd');
const WORDS = Object.keys(COMMAND_NAMES);

beforeAll(() => {
  for (const [shell, path] of Object.entries(scripts)) {
    writeFileSync(path, execFileSync(process.execPath, [MAIN, 'completion', shell]));
  }
  mkdirSync(join(cwd, 'a layout'), { recursive: true });
  writeFileSync(join(cwd, 'a file.tar'), '');
  writeFileSync(join(cwd, 'b'), '');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Offers for the last of the words, sorted. */
function complete(shell: 'bash' | 'zsh', ...args: string[]): string[] {
  const tool = shell === 'bash' ? ['--norc'] : ['-f'];
  const words = [...tool, support(`complete.${shell}`), scripts[shell], ...args];
  const stdout = execFileSync(shell, words, { cwd, encoding: 'utf8', timeout: 30_000 });
  return stdout.split('\n').filter(Boolean).sort();
}

describe('completion for bash', () => {
  const bash = (...words: string[]) => complete('bash', 'layerslayer', ...words);

  it('knows every command', () => {
    expect(bash('')).toEqual([...WORDS, '--help', '--version'].sort());
    expect(bash('mo')).toEqual(['mount', 'mounts']);
    expect(bash('frob', '')).toEqual(bash(''));
  });

  it('is a script that shellcheck has nothing against', () => {
    const { status, stdout } = spawnSync('shellcheck', ['-s', 'bash', scripts.bash], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });

  it.each([
    ['mount --t', ['--token-file', '--transform-symlinks', '--transport']],
    ['--json mount --transf', ['--transform-symlinks']],
    ['umount --', ['--all', '--help', '--json', '--lazy', '--log-file', '--quiet', '--verbose']],
    ['mount --platform linux/arm', ['linux/arm/v6', 'linux/arm/v7', 'linux/arm64']],
    ['mount --platform = linux/s', ['linux/s390x']],
    ['mount --layer ', []],
    ['mount --log-file ', ['a file.tar', 'a layout', 'b']],
    ['mount -l a', ['a file.tar', 'a layout']],
    ['mount --log-file =', ['a file.tar', 'a layout', 'b']],
    ['mount --cache-dir ', ['a layout']],
    ['mount o', ['oci-archive:', 'oci:']],
    ['mount nginx ', ['a layout']],
    ['mount nginx : alpine ', ['a layout']],
    ['mount --memory = 1M -q nginx ', ['a layout']],
    ['mount --platform linux/amd64 ', ['docker-archive:', 'oci-archive:', 'oci:']],
    ['mount nginx dir ', []],
    ['mount oci :', ['a file.tar', 'a layout', 'b']],
    ['inspect oci-archive : a', ['a file.tar', 'a layout']],
    ['inspect --dockerfile docker', ['docker-archive:']],
    ['save --format ', ['oci']],
    ['save --format oci ', ['a layout']],
    ['save --format oci dir ', ['docker-archive:', 'oci-archive:', 'oci:']],
    ['cache ', ['clear', 'ls', 'prune']],
    ['interactive ', ['docker-archive:', 'oci-archive:', 'oci:']],
    ['completion z', ['zsh']],
    ['mount --transport f', ['fuse-native']],
    ['mounts ', []],
  ])('%s', (line, offers) => expect(bash(...line.split(' '))).toEqual(offers));

  it('offers what is mounted to unmount, spaces and all', () => {
    const fake = join(directory, 'mounts');
    const line = (path: string, type: string) => `source ${path} ${type} ro 0 0\n`;
    writeFileSync(
      fake,
      line('/a\\040b', 'fuse.layerslayer') + line('/c', 'ext4') + line('/d', 'fuse.layerslayer'),
    );
    const script = join(directory, 'with-mounts.bash');
    writeFileSync(script, readFileSync(scripts.bash, 'utf8').replace('/proc/mounts', fake));
    const offers = (word: string) =>
      execFileSync(
        'bash',
        ['--norc', support('complete.bash'), script, 'layerslayer', 'unmount', '/x', word],
        {
          encoding: 'utf8',
        },
      );
    expect(offers('')).toBe('/a b\n/d\n');
    expect(offers('/a')).toBe('/a b\n');
  });
});

describe('completion for zsh', () => {
  it('is a script that zsh can read', () => {
    expect(spawnSync('zsh', ['-n', scripts.zsh], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it.each([
    ['layerslayer ', WORDS],
    ['layerslayer mount --transf', ['--transform-symlinks']],
    ['layerslayer mount --platform linux/arm', ['linux/arm/v6', 'linux/arm/v7', 'linux/arm64']],
    ['layerslayer mount --platform=linux/s', ['linux/s390x']],
    ['layerslayer mount nginx:alpine a', ['a layout']],
    ['layerslayer inspect oc', ['oci-archive:', 'oci:']],
    ['layerslayer inspect oci-archive:a', ['a file.tar', 'a layout']],
    ['layerslayer save --format ', ['oci']],
    ['layerslayer mount --transport ', ['dev-fuse', 'fuse-native']],
    ['layerslayer cache ', ['clear', 'ls', 'prune']],
    ['layerslayer inter', ['interactive']],
    ['layerslayer interactive ', ['docker-archive:', 'oci-archive:', 'oci:']],
    ['layerslayer interactive oci:a', ['a file.tar', 'a layout']],
    ['layerslayer interactive --platform linux/s', ['linux/s390x']],
  ])('%s', (line, offers) => expect(complete('zsh', line)).toEqual([...offers].sort()));
});

it('for another shell is refused', () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'completion', 'fish'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([2, 'layerslayer: no completion for fish: want bash or zsh\n']);
});
