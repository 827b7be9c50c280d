import { describe, expect, it } from 'vitest';
import { printableName } from '#src/base/text/printable-name.js';
import { longLine, simpleLine } from '#src/image/records/entry-lines.js';
import { entryRecord, type ListedEntry } from '#src/image/records/entry-record.js';

const entry: ListedEntry = {
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1680,
  mtimeSeconds: 1_600_000_000,
  mtimeNanoseconds: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  linkTarget: new Uint8Array(0),
};
const name = Buffer.from('/a');

describe('a line of a listing', () => {
  it.each([
    [{}, '-rw-r--r--     0     0    1.6 KiB 2020-09-13 12:26 /a'],
    [{ mode: 0o7777 }, '-rwsrwsrwt     0     0    1.6 KiB 2020-09-13 12:26 /a'],
    [{ mode: 0o7000 }, '---S--S--T     0     0    1.6 KiB 2020-09-13 12:26 /a'],
    [{ kind: 'dir' as const }, 'drw-r--r--     0     0          - 2020-09-13 12:26 /a/'],
    [{ mtimeSeconds: -1 }, '-rw-r--r--     0     0    1.6 KiB 1969-12-31 23:59 /a'],
    [{ mtimeSeconds: 8.64e12 }, '-rw-r--r--     0     0    1.6 KiB +275760-09-13 00:00 /a'],
    [{ mtimeSeconds: 8.7e12 }, '-rw-r--r--     0     0    1.6 KiB @8700000000000 /a'],
    [
      { kind: 'block' as const, deviceMajor: 259, deviceMinor: 1_048_575 },
      'brw-r--r--     0     0 259, 1048575 2020-09-13 12:26 /a',
    ],
  ])('%j', (more, line) => {
    expect(longLine({ ...entry, ...more }, name)).toBe(line);
  });

  it('is short when asked, and has all for programs', () => {
    expect(simpleLine(entry, name)).toBe('/a  1.6 KiB');
    expect(simpleLine({ ...entry, kind: 'fifo' }, name)).toBe('/a');
    const link = { ...entry, kind: 'hardlink' as const, linkTarget: Buffer.from([0xff]) };
    expect(entryRecord(link, name)).toMatchObject({ target: '\ufffd', targetBase64: '/w==', size: 1680 });
  });
});

describe('a name on a terminal', () => {
  it.each([
    ['plain é 日本', 'plain é 日本'],
    ['tab\tnewline\nescape\x1b[0m', 'tab\\x09newline\\x0aescape\\x1b[0m'],
    ['\x7f\x80\x9b', '\\x7f\\xc2\\x80\\xc2\\x9b'],
    ['\u202egpj.exe\u2069', '\\xe2\\x80\\xaegpj.exe\\xe2\\x81\\xa9'],
    ['zero\u200bwidth\ufeff', 'zero\\xe2\\x80\\x8bwidth\\xef\\xbb\\xbf'],
    ['back\\slash', 'back\\\\slash'],
    ['line\u2028', 'line\\xe2\\x80\\xa8'],
  ])('%j', (text, shown) => {
    expect(printableName(Buffer.from(text))).toBe(shown);
  });

  it('shows bytes that are no text as such', () => {
    expect(printableName(Buffer.from([0x61, 0xff, 0x5c, 0x1b, 0xc3]))).toBe('a\\xff\\\\\\x1b\\xc3');
  });
});
