import { describe, expect, it } from 'vitest';
import { allowsOther, checkUserAllowOther, fusermountOptions } from '#src/fuse/mounting/user-mount.js';
import { optionsFor } from '../mounting.js';

describe('what fusermount3 is asked for', () => {
  it.each([
    [{}, 'ro,nosuid,nodev,max_read=1048576,subtype=layerslayer,fsname=example.com/test:1'],
    [
      { exec: false },
      'ro,nosuid,nodev,noexec,max_read=1048576,subtype=layerslayer,fsname=example.com/test:1',
    ],
    [{ source: 'a,b\\c' }, 'ro,nosuid,nodev,max_read=1048576,subtype=layerslayer,fsname=a\\,b\\\\c'],
    [
      { defaultPermissions: true },
      'ro,nosuid,nodev,max_read=1048576,subtype=layerslayer,fsname=example.com/test:1,default_permissions',
    ],
    [
      { allowOther: true, nonempty: true, suid: true, devices: true },
      'ro,nosuid,nodev,max_read=1048576,subtype=layerslayer,fsname=example.com/test:1,allow_other,default_permissions,nonempty',
    ],
  ])('%o', (changes, wanted) => {
    expect(fusermountOptions(optionsFor(changes))).toBe(wanted);
  });
});

describe('user_allow_other in fuse.conf', () => {
  it.each([
    ['user_allow_other', true],
    ['# comment\nmount_max = 7\n  user_allow_other # let them in\n', true],
    ['', false],
    ['#user_allow_other\n', false],
    ['user_allow_other = 1\n', false],
    ['xuser_allow_other\n', false],
  ])('%j: %s', (text, allowed) => expect(allowsOther(text)).toBe(allowed));

  it('is not there when the file is not', async () => {
    await expect(checkUserAllowOther('/nonexistent/fuse.conf')).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: expect.stringContaining('/nonexistent/fuse.conf has no line user_allow_other'),
    });
  });

  it('is told when the file can’t be read', async () => {
    await expect(checkUserAllowOther('/')).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: '--allow-other: reading /: is a directory',
    });
  });
});
