import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type TokenFile, tokenTxt, translateFirstTool } from '#src/cli/command-line/first-tool.js';
import { cleanUp, scratchDirectory } from '../../cache/scratch.js';

afterEach(cleanUp);

const NO_TOKEN = () => ({});
const translate = (line: string, tokenFile: () => TokenFile = NO_TOKEN) =>
  translateFirstTool(line.split(' '), tokenFile);

describe('the first tool’s flags', () => {
  it.each([
    // Its README, with this program in place of `python main.py`.
    ['-t ubuntu:24.04 -f /etc/passwd', 'carve --force -- ubuntu:24.04 /etc/passwd'],
    ['-t ubuntu:24.04 --carve-file /etc/passwd', 'carve --force -- ubuntu:24.04 /etc/passwd'],
    [
      '-t nginx:alpine -f /etc/nginx/nginx.conf -o ./output',
      'carve --force -o./output -- nginx:alpine /etc/nginx/nginx.conf',
    ],
    ['-t alpine:latest -f /etc/os-release -q', 'carve --quiet --force -- alpine:latest /etc/os-release'],
    ['--target-image moby/buildkit:latest --peek-all', 'peek -- moby/buildkit:latest'],
    [
      '--target-image moby/buildkit:latest --peek-all -l peek.log',
      'peek --log-file=peek.log -- moby/buildkit:latest',
    ],
    ['--target-image=moby/buildkit:latest --peek-layer all', 'peek -- moby/buildkit:latest'],
    ['-t library/alpine:latest --peek-layer=all', 'peek -- library/alpine:latest'],
    ['-t moby/buildkit:latest --save-all', 'save -- moby/buildkit:latest'],
    ['--target-image ubuntu:20.04 --save-all', 'save -- ubuntu:20.04'],
    [
      '-t moby/buildkit:latest -l layers_output.log',
      'interactive --log-file=layers_output.log -- moby/buildkit:latest',
    ],
    ['-t nginx:alpine', 'interactive -- nginx:alpine'],
    ['--interactive', 'interactive'],
    ['-A', 'serve'],
    ['--api -q --cache-dir c', 'serve --cache-dir=c --quiet'],
    ['--api -t ghcr.io/a/b:c', 'serve -- ghcr.io/a/b:c'],
    [
      '--api --port 9000 --allow-path a --host=0.0.0.0 --allow-path b -t nginx',
      'serve --host=0.0.0.0 --port=9000 --allow-path=a --allow-path=b -- nginx',
    ],
    ['-qA --open', 'serve --open --quiet'],
    // What else it had.
    ['-i -t nginx', 'interactive -- nginx'],
    ['-qt nginx --bulk-peek', 'peek --quiet --merged -- nginx'],
    ['-tnginx --bulk-peek --simple-output', 'peek --merged --simple -- nginx'],
    ['-t nginx --peek-all --simple-output', 'peek --simple -- nginx'],
    ['-t nginx --save-all --output-dir=d', 'save -od -- nginx'],
    ['-t nginx --save-all -o-', 'save -o- -- nginx'],
    ['-t nginx -f -- ', undefined],
    ['-t oci:dir:tag --peek-all', 'peek -- oci:dir:tag'],
    // Options that the commands have now work too.
    [
      '-t nginx --peek-all --json -v --platform linux/arm64 --cache-dir c --insecure',
      'peek --platform=linux/arm64 --insecure --cache-dir=c --verbose --json -- nginx',
    ],
    [
      '-t nginx -f /a --username u --password-stdin',
      'carve --username=u --password-stdin --force -- nginx /a',
    ],
  ])('%s', (line, wanted) => {
    if (wanted === undefined) {
      expect(() => translate(line)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      return;
    }
    const { name, words, notes } = translate(line);
    expect([name, ...words].join(' ')).toBe(wanted);
    expect(notes).toEqual([]);
  });

  it.each([
    [
      '-t nginx --peek-layer 0',
      'peek --layer=1 -- nginx',
      '--peek-layer 0 is --layer 1: layers are counted from 1 now',
    ],
    [
      '-t nginx --peek-layer=2 --simple-output',
      'peek --layer=3 --simple -- nginx',
      /^--peek-layer 2 is --layer 3:/,
    ],
    ['-t nginx -f /a -c 128', 'carve --force -- nginx /a', /^--chunk-size has no effect/],
    ['-t nginx --peek-all -o d', 'peek -- nginx', '--output-dir has no effect with --peek-all'],
    [
      '-t nginx -f /a --simple-output',
      'carve --force -- nginx /a',
      '--simple-output has no effect with --carve-file',
    ],
  ])('%s, said so', (line, wanted, note) => {
    const { name, words, notes } = translate(line);
    expect([name, ...words].join(' ')).toBe(wanted);
    expect(notes).toEqual([typeof note === 'string' ? note : expect.stringMatching(note)]);
  });

  it.each([
    ['--peek-all', '--peek-all wants an image: -t IMAGE'],
    ['-t nginx --peek-all --save-all', '--peek-all and --save-all exclude each other'],
    ['-t nginx --peek-layer all --bulk-peek', '--bulk-peek and --peek-layer exclude each other'],
    ['-t nginx --peek-layer one', 'not a layer: "one": want all or its number from 0'],
    ['-t nginx --peek-layer=-1', 'not a layer: "-1": want all or its number from 0'],
    ['-t nginx extra', 'layerslayer wants no arguments: extra is one too many: see layerslayer --help'],
    ['-t', '--target-image wants a value: IMAGE'],
    ['-t nginx --frob', 'unknown option: --frob: see layerslayer --help'],
    ['-t nginx --peek-all --port 9000', 'unknown option: --port: see layerslayer --help'],
    ['-A -t nginx --peek-all', '--peek-all and --api exclude each other'],
    ['-A --username u --password-stdin', '--username is no option of serve, which --api is'],
    ['-A --platform arm64', '--platform is no option of serve, which --api is'],
    ['-t nginx --peek-all --arch=0', /say which one by --platform/],
  ])('%s is refused', (line, message) => {
    expect(() => translate(line)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => translate(line)).toThrow(message);
  });

  it('keep words as they are', () => {
    const line = ['-t', 'a b', '--carve-file=-x y', '-o', 'd e', '-l', 'a=b'];
    expect(translateFirstTool(line, NO_TOKEN).words).toEqual([
      '--log-file=a=b',
      '--force',
      '-od e',
      '--',
      'a b',
      '-x y',
    ]);
  });
});

describe('token.txt', () => {
  const found = (): TokenFile => ({ path: '/work/token.txt', note: 'using it' });

  it.each(['ubuntu', 'docker.io/library/ubuntu:24.04', 'docker://moby/buildkit', 'index.docker.io/a/b'])(
    'goes with %s',
    (image) => {
      const { words, notes } = translate(`-t ${image} --peek-all`, found);
      expect(words).toEqual(['--token-file=/work/token.txt', '--', image]);
      expect(notes).toEqual(['using it']);
    },
  );

  it.each([
    '-t ghcr.io/a/b --peek-all',
    '-t localhost:5000/library/ubuntu --peek-all',
    '-t docker.io.example.com/a --peek-all',
    '-t oci:dir --peek-all',
    '-t UPPER --peek-all',
    '-t ubuntu --peek-all --token-file other',
    '-t ubuntu --peek-all --username u --password-stdin',
    '--interactive',
    '--api -t ubuntu',
  ])('is not even looked for: %s', (line) => {
    const { words } = translate(line, () => {
      throw new Error('looked');
    });
    expect(words.join(' ')).not.toContain('/work');
  });

  it('that is not there is no matter', () => expect(tokenTxt(scratchDirectory())).toEqual({}));

  it('with a token is named', () => {
    const directory = scratchDirectory();
    for (const content of ['abc.DEF-_~+/123==', 'abc\n', 'abc\r\n']) {
      writeFileSync(join(directory, 'token.txt'), content);
      expect(tokenTxt(directory)).toEqual({
        path: join(directory, 'token.txt'),
        note: 'using the token in token.txt of this directory, for docker.io',
      });
    }
  });

  it.each([
    ['is empty', (path: string) => writeFileSync(path, '')],
    ['has several lines', (path: string) => writeFileSync(path, 'abc\ndef\n')],
    ['is a letter to somebody', (path: string) => writeFileSync(path, 'dear all,')],
    ['is too long', (path: string) => writeFileSync(path, 'a'.repeat(20_000))],
    ['is a directory', (path: string) => mkdirSync(path)],
    ['is a pipe', (path: string) => execFileSync('mkfifo', [path])],
    ['is a device without an end', (path: string) => symlinkSync('/dev/zero', path)],
    ['leads nowhere but to itself', (path: string) => symlinkSync('token.txt', path)],
  ])('that %s is not used, said so', (_, make) => {
    const directory = scratchDirectory();
    make(join(directory, 'token.txt'));
    const { path, note } = tokenTxt(directory);
    expect(path).toBeUndefined();
    expect(note).toMatch(/^token\.txt of this directory is not used: .+/);
    rmSync(directory, { recursive: true });
  });
});
