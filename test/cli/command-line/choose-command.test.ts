import { describe, expect, it } from 'vitest';
import { chooseCommand } from '#src/cli/command-line/choose-command.js';

const words = (line: string) => (line === '' ? [] : line.split(' '));

describe('chooseCommand', () => {
  it.each([
    ['mount nginx /mnt', 'mount', 'nginx /mnt'],
    ['umount /mnt', 'unmount', '/mnt'],
    ['mounts --json', 'mounts', '--json'],
    ['--json mounts', 'mounts', '--json'],
    ['-l mounts mounts', 'mounts', '-l mounts'], // the first one is a file's name
    ['-ql FILE unmount -a', 'unmount', '-ql FILE -a'],
    ['--log-file=x mounts', 'mounts', '--log-file=x'],
    ['--format oci DIR save nginx', 'save', '--format oci DIR nginx'],
    ['--format oci -o DIR save nginx', 'save', '--format oci -o DIR nginx'],
    ['--format docker-archive save nginx', 'save', '--format docker-archive nginx'],
    ['--format=oci-archive save nginx', 'save', '--format=oci-archive nginx'],
    ['--format=oci DIR save nginx', 'save', '--format=oci DIR nginx'],
    ['mount', 'mount', ''],
    ['-- mount a b', 'mount', '-- a b'],
    ['ls nginx', 'ls', 'nginx'],
    ['ls /mnt', 'ls', '/mnt'], // an image of that name is docker.io/library/ls
    ['-R ls nginx', 'ls', '-R nginx'],
    ['--color ls nginx', 'ls', '--color nginx'],
    ['--max-depth 1 du nginx', 'du', '--max-depth 1 nginx'],
  ])('%s runs %s', (line, name, rest) => {
    expect(chooseCommand(words(line))).toEqual({
      kind: 'command',
      name,
      words: words(rest),
      isMountHelper: false,
    });
  });

  it.each([
    ['umout mnt', 'umout', 'umount'],
    ['pek nginx', 'pek', 'peek'],
    ['mounnt nginx mnt', 'mounnt', 'mount'],
    ['svae nginx --layer 1', 'svae', 'save'],
  ])('%s is no image to mount', (line, bare, meant) => {
    expect(chooseCommand(words(line))).toEqual({ kind: 'nothing', bare, meant });
  });

  it.each([
    ['pull nginx:alpine', 'pull', /layerslayer save /],
    ['pull nginx -o dir', 'pull', /layerslayer save /],
    ['login ghcr.io', 'login', /docker login/],
    ['run nginx', 'run', /layerslayer mount /],
    ['images', 'images', /layerslayer cache ls/],
    ['push nginx', 'push', /skopeo copy/],
    ['pul nginx:alpine', 'pul', /layerslayer save .* layerslayer mount /],
    ['pul', 'pul', /layerslayer save /],
    ['rm nginx', 'rm', /layerslayer unmount .* cache rm .* index rm /],
    ['list nginx', 'list', /layerslayer ls /],
    ['extract nginx /etc/passwd', 'extract', /layerslayer cp IMAGE PATH/],
  ])('%s names the equivalent command', (line, bare, advice) => {
    const chosen = chooseCommand(words(line));
    expect(chosen).toEqual({ kind: 'nothing', bare, advice: expect.stringMatching(advice) });
  });

  it.each([
    ['help', { kind: 'help' }],
    ['help help', { kind: 'help' }],
    ['help me', { kind: 'nothing', bare: 'me' }],
    ['help pull', { kind: 'nothing', bare: 'pull', advice: expect.stringMatching(/^layerslayer save /) }],
    ['help pek', { kind: 'nothing', bare: 'pek', meant: 'peek' }],
    ['help /mnt', { kind: 'command', name: 'mount' }], // an image of that name
    ['version', { kind: 'version' }],
    ['version --help', { kind: 'help' }],
    ['version /mnt', { kind: 'command', name: 'mount' }],
  ])('%s', (line, choice) => expect(chooseCommand(words(line))).toMatchObject(choice));

  it('help COMMAND is COMMAND --help', () => {
    const help = { kind: 'command', name: 'unmount', words: ['--help'], isMountHelper: false };
    expect(chooseCommand(['help', 'umount'])).toEqual(help);
  });

  it.each([
    'mout /mnt -o rw,dev,suid',
    'pul mnt -o rw,dev,suid',
    'pul /mnt',
    'lss mnt', // too short for a mistyped `ls`
    'ubuntu mnt',
    'images /mnt', // an image of that name
    'pull /mnt/img -o rw,dev,suid',
    'debian /mnt',
    'nginx:alpine /mnt/img',
    'nginx:alpine /mnt/img -o rw,dev,suid',
    '-o ro nginx:alpine /mnt/img',
    '-q --platform linux/arm64 nginx /mnt',
    'constructor toString',
  ])('%s is mount(8) calling', (line) => {
    expect(chooseCommand(words(line))).toEqual({
      kind: 'command',
      name: 'mount',
      words: words(line),
      isMountHelper: true,
    });
  });

  it.each([
    '-t ubuntu:24.04 -f /etc/passwd',
    '--target-image moby/buildkit:latest --peek-all -l peek.log',
    '--target-image=moby/buildkit:latest --peek-layer all',
    '-qt nginx --bulk-peek',
    '-tnginx --save-all --output-dir d',
    '-t nginx -f /a -o d',
    '-t mount --peek-all', // an image of that name
    '-t nginx one-bare',
    '--interactive',
    '-i',
    '--peek-all',
    '--api',
    '-A',
    '-qA --cache-dir mount',
    '-At nginx:alpine',
  ])('%s is in the first tool’s spelling', (line) => {
    expect(chooseCommand(words(line))).toEqual({ kind: 'first-tool', words: words(line) });
  });

  it.each([
    ['mounts -t nginx', 'mounts'],
    ['-t nginx mounts --peek-all', 'mounts'],
    ['-t x nginx /mnt', 'mount'],
    ['nginx /mnt -f', 'mount'],
    ['-f nginx /mnt', 'mount'],
    ['-ftfoo nginx /mnt', 'mount'],
    ['-lt nginx /mnt', 'mount'], // a log file called t
    ['nginx /mnt -- -t', 'mount'],
    ['-A nginx /mnt', 'mount'],
    ['ls -A nginx', 'ls'],
    ['--api peek nginx', 'peek'],
  ])('%s is not', (line, name) => {
    expect(chooseCommand(words(line))).toMatchObject({ kind: 'command', name });
  });

  it.each([
    ['', { kind: 'nothing', bare: undefined }],
    ['-t nginx --help', { kind: 'help' }],
    ['frobnicate', { kind: 'nothing', bare: 'frobnicate' }],
    ['-q', { kind: 'nothing', bare: undefined }],
    ['-o mount nginx', { kind: 'nothing', bare: 'nginx' }],
    ['--help', { kind: 'help' }],
    ['-h', { kind: 'help' }],
    ['--version', { kind: 'version' }],
    ['-- --help', { kind: 'nothing', bare: '--help' }],
  ])('%j is no command', (line, choice) => expect(chooseCommand(words(line))).toEqual(choice));
});
