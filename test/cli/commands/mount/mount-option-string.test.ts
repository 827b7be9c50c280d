import { describe, expect, it } from 'vitest';
import { parseMountOptionStrings } from '#src/cli/commands/mount/mount-option-string.js';

const KERNEL = { suid: false, devices: false, exec: true, nonempty: false, defaultPermissions: false };

describe('parseMountOptionStrings', () => {
  it.each([
    [[], {}, {}],
    [['rw,dev,suid'], {}, {}], // what mount(8) adds to every call
    [['rw,noauto,user,_netdev,nofail,x-systemd.automount,x-gvfs-name=a b,defaults,auto,ro'], {}, {}],
    [['default_permissions'], {}, { defaultPermissions: true }],
    [['setuid,devices,nonempty'], {}, { suid: true, devices: true, nonempty: true }],
    [['setuid,suid'], {}, { suid: true }],
    [['rw,noexec,nosuid,nodev,user'], {}, { exec: false }],
    [['noexec,exec'], {}, {}],
    [['setuid,nosuid,nodev'], {}, {}],
    [['setuid', 'nosuid'], {}, {}],
    [['uid=0,gid=4294967294'], {}, { uid: 0, gid: 4294967294 }],
    [['allow_other,allow-other'], { 'allow-other': true }, {}],
    [
      ['transform_symlinks,layer=2,memory=1MiB'],
      { 'transform-symlinks': true, layer: '2', memory: '1MiB' },
      {},
    ],
    [
      ['platform=linux/arm64', 'cache_dir=/var/c=d,cache-size=0'],
      { platform: 'linux/arm64', 'cache-dir': '/var/c=d', 'cache-size': '0' },
      {},
    ],
    [['log-file=/a\\,b'], { 'log-file': '/a,b' }, {}],
    [[',, rw ,'], {}, {}],
    [
      ['token-file=/t,insecure,verbose,quiet,foreground,json,username=u'],
      {
        'token-file': '/t',
        insecure: true,
        verbose: true,
        quiet: true,
        foreground: true,
        json: true,
        username: 'u',
      },
      {},
    ],
  ])('%j', (lists, given, kernel) => {
    expect(parseMountOptionStrings(lists)).toEqual({ given, kernel: { ...KERNEL, ...kernel } });
  });

  it.each([
    'frob',
    'frob=1',
    'uid=',
    'uid=-1',
    'uid=root',
    'gid=4294967295', // (uid_t)-1: nobody
    'uid=1e3',
    'allow_other=1',
    'layer',
    'layer=',
    'option=rw',
    'password-stdin',
    'constructor',
    '__proto__=x',
    'toString',
    'nonempty=1',
  ])('refuses %j', (list) => {
    expect(() => parseMountOptionStrings([list])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});
