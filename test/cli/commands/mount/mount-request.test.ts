import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseArguments } from '#src/cli/command-line/parse-arguments.js';
import { MOUNT } from '#src/cli/commands/mount/declaration.js';
import {
  mergeMountOptionStrings,
  mountChoices,
  mountOptions,
} from '#src/cli/commands/mount/mount-request.js';

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-request-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'token'), 'abc.def\n');
writeFileSync(join(directory, 'two-lines'), 'abc\ndef\n');
writeFileSync(join(directory, 'empty'), '\n');
mkdirSync(join(directory, 'mnt'));
symlinkSync('mnt', join(directory, 'to-mountpoint'));

const CONTEXT = {
  env: { HOME: '/home/u' } as NodeJS.ProcessEnv,
  cwd: directory,
  uid: 1000,
};
const DIGEST = `sha256:${'ab'.repeat(32)}`;

function request(
  words: string[],
  context = CONTEXT,
  source?: string,
  mountpoint = '/mnt/img',
  localPath?: string,
) {
  const values = mergeMountOptionStrings(parseArguments([...words, 'nginx', mountpoint], MOUNT).options);
  const place = { reference: 'nginx', localPath, source, mountpoint };
  return mountOptions(mountChoices(values, context), place, context);
}

describe('mountOptions', () => {
  it('has defaults', () => {
    expect(request([])).toEqual({
      reference: 'nginx',
      resolvedByStarter: true,
      mountpointCheckedMs: expect.any(Number),
      platform: expect.objectContaining({ os: 'linux' }),
      registry: { insecure: false, secretsFor: 'docker.io' },
      cache: { directory: '/home/u/.cache/layerslayer', capBytes: 4 * 1024 ** 3 },
      indexTrust: 'exact',
      verifyLater: false,
      memoryBytes: 64 * 1024 ** 2,
      mountpoint: '/mnt/img',
      transport: 'dev-fuse',
      allowOther: false,
      suid: false,
      devices: false,
      exec: true,
      nonempty: false,
      defaultPermissions: false,
      transformSymlinks: false,
      logFile: expect.stringMatching(/^\/home\/u\/\.local\/state\/layerslayer\/mnt-img-[0-9a-f]{8}\.log$/),
      logFileAsked: false,
      logLevel: 'info',
      foreground: false,
    });
  });

  it.each([
    [['--platform', 'linux/arm64'], { platform: { os: 'linux', architecture: 'arm64' } }],
    [['--layer', '3'], { layer: 3 }],
    [['--layer', DIGEST], { layer: DIGEST }],
    [['--memory', '1M'], { memoryBytes: 1024 ** 2 }],
    [['--index', 'none'], { indexTrust: 'none' }],
    [['-o', 'index=any'], { indexTrust: 'any' }],
    [['--cache-dir', 'c', '--cache-size', '0'], { cache: { directory: join(directory, 'c'), capBytes: 0 } }],
    [['-v', '-l', 'x.log'], { logLevel: 'debug', logFile: join(directory, 'x.log'), logFileAsked: true }],
    [
      ['-f', '--allow-other', '--transform-symlinks'],
      { foreground: true, allowOther: true, transformSymlinks: true },
    ],
    [
      ['-o', 'setuid,devices,nonempty,uid=5,gid=6'],
      { suid: true, devices: true, nonempty: true, uid: 5, gid: 6 },
    ],
    [['-o', 'layer=2', '--layer', '1'], { layer: 1 }],
    [['-o', 'allow_other,foreground,layer=2'], { allowOther: true, foreground: true, layer: 2 }],
    [['--token-file', 'token', '--insecure'], { registry: { insecure: true, token: 'abc.def' } }],
  ])('%j', (words, wanted) => expect(request(words)).toMatchObject(wanted));

  it('gives mount(8) its own spelling back as source', () => {
    expect(request([], CONTEXT, 'docker://nginx').source).toBe('docker://nginx');
    expect(request([]).source).toBeUndefined();
  });

  it.each([
    [['--platform', 'unheard']],
    [['--layer', '0']],
    [['--layer', '1.5']],
    [['--layer', '-1']],
    [['--layer', 'sha256:ab']],
    [['--memory', 'lots']],
    [['--index', 'some']],
    [['--cache-size', '-1']],
    [['-o', 'frob']],
    [['--username', 'u']],
    [['--password-stdin']],
    [['--username', 'u', '--password-stdin', '--token-file', 'token']],
    [['--token-file', 'nowhere']],
    [['--token-file', 'two-lines']],
    [['--token-file', 'empty']],
    [['--token-file', '/dev/zero']],
    // A daemon that opens files of its own mount waits for itself.
    [['--log-file', '/mnt/img/log']],
    [['--cache-dir', '/mnt/img']],
  ])('refuses %j', (words) => {
    expect(() => request(words)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it.each(['--log-file', '--cache-dir'])('refuses %s below the mountpoint by way of a symlink', (option) => {
    const words = [option, 'to-mountpoint/a/b'];
    expect(() => request(words, CONTEXT, undefined, join(realpathSync(directory), 'mnt'))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('refuses an image that the mount would hide', () => {
    const mount = (localPath: string) => () => request([], CONTEXT, undefined, '/mnt/img', localPath);
    for (const path of ['/mnt/img', '/mnt/img/layout', '/mnt/img/a/b.tar'])
      expect(mount(path)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    for (const path of ['/mnt', '/mnt/image', '/']) expect(mount(path)).not.toThrow();
  });

  it.each([
    [{ LAYERSLAYER_CACHE_DIR: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, 1000, '/c'],
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, 1000, '/x/layerslayer'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/h' }, 1000, '/h/.cache/layerslayer'],
    [{ LAYERSLAYER_CACHE_DIR: '', HOME: '/h' }, 0, '/h/.cache/layerslayer'],
    [{}, 0, '/var/cache/layerslayer'], // mount(8) and systemd call without HOME
  ])('keeps the cache by the environment: %j', (env, uid, wanted) => {
    expect(request([], { ...CONTEXT, env, uid }).cache.directory).toBe(wanted);
  });

  it.each([
    [{ XDG_STATE_HOME: '/x', HOME: '/h' }, '/x/layerslayer/'],
    [{ XDG_STATE_HOME: 'relative', HOME: '/h' }, '/h/.local/state/layerslayer/'],
    [{}, '/var/log/layerslayer/'],
  ])('keeps the log by the environment: %j', (env, wanted) => {
    expect(request([], { ...CONTEXT, env, uid: 0 }).logFile.startsWith(wanted)).toBe(true);
  });
});
