import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuseNativeOptions } from '#src/fuse/fuse-native/fuse-native-options.js';
import { optionsFor } from '../mounting.js';

const ALWAYS = 'ro,nosuid,nodev,use_ino,negative_timeout=315360000,max_background=8';

describe('what libfuse is asked for', () => {
  it.each([
    [{}, `example.com/test:1,${ALWAYS}`],
    [{ exec: false }, `example.com/test:1,${ALWAYS.replace('nodev', 'nodev,noexec')}`],
    [{ source: 'a,suid' }, `a\\,suid,${ALWAYS}`],
    [{ source: 'a\\' }, `a\\\\,${ALWAYS}`],
    [
      { suid: true, devices: true, nonempty: true },
      `example.com/test:1,${ALWAYS.replace('nosuid,nodev', 'suid,dev')},nonempty`,
    ],
  ])('%o', (changes, wanted) => {
    expect(fuseNativeOptions(optionsFor(changes)).fsname).toBe(wanted);
  });

  it.each([
    [{}, false, false],
    [{ defaultPermissions: true }, false, true],
    [{ allowOther: true }, true, true],
  ])('%o', (changes, allowOther, defaultPermissions) => {
    expect(fuseNativeOptions(optionsFor(changes))).toMatchObject({ allowOther, defaultPermissions });
  });

  it('is never longer than what fuse-native takes, and whole characters, whatever the source', () => {
    // fuse_native_mount copies 1,024 bytes with the NUL, and what is behind is lost.
    const source = fileURLToPath(new URL('../../../node_modules/fuse-native/fuse-native.c', import.meta.url));
    expect(readFileSync(source, 'utf8')).toContain('NAPI_ARGV_UTF8(mntopts, 1024, 1)');
    const part = fc.constantFrom('a', ',', '\\', 'ü', '😀', '\u20ac');
    fc.assert(
      fc.property(fc.array(part, { minLength: 100, maxLength: 2000 }), (parts) => {
        const changes = { allowOther: true, nonempty: true, source: parts.join('') };
        const { fsname, ...others } = fuseNativeOptions(optionsFor(changes));
        // Every value is written as name=value at most.
        const length = Buffer.byteLength(`-o${JSON.stringify(others)}fsname=${fsname}`);
        expect(length).toBeLessThan(1024);
        expect(fsname).not.toContain('\ufffd');
        expect(fsname.replace(/\\./g, '').split(',').length).toBe(ALWAYS.split(',').length + 2);
      }),
    );
  });
});
