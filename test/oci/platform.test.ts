import { expect, test } from 'vitest';
import {
  defaultPlatform,
  formatPlatform,
  normalizePlatform,
  parsePlatform,
  platformDistance,
} from '#src/oci/platform.js';

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v2', 'linux/amd64/v2'],
  ['Linux/X86_64', 'linux/amd64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v9', 'linux/arm64/v9'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/i386', 'linux/386'],
  ['macos/arm64', 'darwin/arm64'],
  ['linux/constructor', 'linux/constructor'],
  ['arm64', 'linux/arm64'],
  ['ARM64', 'linux/arm64'],
  ['aarch64', 'linux/arm64'],
  ['x86_64', 'linux/amd64'],
  ['x86-64', 'linux/amd64'],
  ['i386', 'linux/386'],
  ['arm', 'linux/arm/v7'],
  ['armhf', 'linux/arm/v7'],
  ['armel', 'linux/arm/v6'],
  ['riscv64', 'linux/riscv64'],
  ['arm64/v8', 'linux/arm64'],
  ['arm/v6', 'linux/arm/v6'],
  ['arm/5', 'linux/arm/v5'],
  ['AMD64/V2', 'linux/amd64/v2'],
  ['x86_64/v3', 'linux/amd64/v3'],
  ['js/wasm', 'js/wasm'],
  ['unheard/of', 'unheard/of'],
  ['linux', formatPlatform(defaultPlatform())],
  ['Windows', formatPlatform({ ...defaultPlatform(), os: 'windows' })],
])('platform %s is %s', (typed, canonical) => {
  expect(formatPlatform(parsePlatform(typed))).toBe(canonical);
});

test.each([
  '',
  'unheard',
  'constructor',
  'v8',
  'arm64/',
  'arm64/v8/x/y',
  'linux/',
  '/amd64',
  'linux/arm/v7/x',
  'linux/am d64',
  'linux/arm/',
  '*',
])('platform %j is refused', (typed) => {
  expect(() => parsePlatform(typed)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

test('the default is linux on this machine’s architecture, in Go’s words', () => {
  expect(defaultPlatform().os).toBe('linux');
  if (process.arch === 'x64') expect(defaultPlatform()).toEqual({ os: 'linux', architecture: 'amd64' });
});

test.each([
  // wanted, offered, distance
  ['linux/amd64', 'linux/amd64', 0],
  ['linux/arm64', 'linux/arm64/v8', 0],
  ['linux/arm', 'linux/arm/v7', 0],
  ['linux/arm', 'linux/arm/v6', 1],
  ['linux/arm/v7', 'linux/arm/v5', 2],
  ['linux/arm/v6', 'linux/arm/v7', undefined],
  ['linux/amd64', 'linux/amd64/v3', undefined],
  ['linux/amd64/v3', 'linux/amd64', 2],
  ['linux/arm64/v9', 'linux/arm64', 1],
  ['linux/amd64', 'linux/386', undefined],
  ['linux/arm64', 'linux/arm/v7', undefined],
  ['linux/amd64', 'windows/amd64', undefined],
  ['linux/arm/weird', 'linux/arm/odd', undefined],
])('wanted %s, offered %s: distance %s', (wanted, offered, distance) => {
  expect(platformDistance(parsePlatform(wanted), parsePlatform(offered))).toBe(distance);
});

test('an os.version is only compared when one was asked for', () => {
  const offered = { os: 'windows', architecture: 'amd64', osVersion: '10.0.20348.1' };
  expect(platformDistance({ os: 'windows', architecture: 'amd64' }, offered)).toBe(0);
  expect(platformDistance({ ...offered, osVersion: '10.0.17763.1' }, offered)).toBeUndefined();
  expect(normalizePlatform(offered)).toEqual(offered);
});
