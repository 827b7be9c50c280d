import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findHolders } from '#src/daemon/holders.js';
import { nameHolders } from '#src/daemon/unmount.js';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'layerslayer-holders-')));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('findHolders', () => {
  it('finds open files and working directories below, and not beside', async () => {
    const mountpoint = join(directory, 'mnt');
    mkdirSync(mountpoint);
    mkdirSync(`${mountpoint}-beside`);
    writeFileSync(join(mountpoint, 'file'), '');
    writeFileSync(join(`${mountpoint}-beside`, 'file'), '');
    expect(findHolders(mountpoint)).toEqual([]);
    const beside = openSync(join(`${mountpoint}-beside`, 'file'), 'r');
    expect(findHolders(mountpoint)).toEqual([]);
    const inside = openSync(join(mountpoint, 'file'), 'r');
    expect(findHolders(mountpoint)).toEqual([expect.objectContaining({ pid: process.pid, by: 'open file' })]);
    closeSync(inside);
    closeSync(beside);

    const child = spawn('sleep', ['1000'], { cwd: mountpoint });
    await once(child, 'spawn');
    expect(findHolders(mountpoint)).toEqual([{ pid: child.pid, command: 'sleep', by: 'working directory' }]);
    child.kill();
    await once(child, 'exit');
    expect(findHolders(mountpoint)).toEqual([]);
  });
});

describe('nameHolders', () => {
  it('names some and counts the rest', () => {
    const holder = { pid: 7, command: 'bash', by: 'working directory' as const };
    expect(nameHolders([holder])).toBe('bash (7, working directory)');
    expect(nameHolders(Array.from({ length: 10 }, () => holder))).toMatch(
      /, bash \(7, working directory\) and 2 more$/,
    );
  });
});
