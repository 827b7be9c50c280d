import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseSize } from '#src/cli/terminal/wording/size.js';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['1048576', 1048576],
    ['64MiB', 64 * 1024 ** 2],
    ['4GiB', 4 * 1024 ** 3],
    ['1.5GiB', 1.5 * 1024 ** 3],
    ['64M', 64 * 1024 ** 2],
    ['64m', 64 * 1024 ** 2],
    ['2k', 2048],
    ['2KB', 2000],
    ['4 GiB', 4 * 1024 ** 3],
    ['7B', 7],
    ['1T', 1024 ** 4],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each([
    '',
    '-1',
    '4Gi B',
    '64iB',
    '1e9',
    '0x10',
    'GiB',
    '1.',
    '.5M',
    '4GiBB',
    'NaN',
    'Infinity',
    '8P9',
    '9007199254740992',
    '9000P',
    '١',
  ])('refuses %j', (text) =>
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' })),
  );
});

describe('formatSize', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'], // not 1024.0 KiB
    [29_674_701, '28.3 MiB'],
    [4 * 1024 ** 3, '4.0 GiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
  ])('%d is %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));
});

describe('formatDuration', () => {
  it.each([
    [0, '0.0 s'],
    [1_940, '1.9 s'],
    [59_940, '59.9 s'],
    [59_960, '1 min 0 s'],
    [125_000, '2 min 5 s'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
