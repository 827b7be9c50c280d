import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { breachesOfOwnRules, compareListings, tellDifferences } from '../support/tree-compare.js';
import { type Listing, listTree } from '../support/tree-listing.js';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-compare-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** One of everything; the odd name has a newline, a backslash, bytes that are not UTF-8, a space and an equals sign. */
const PLANT = `
  mkdir dir; printf content >file; ln file dir/link; printf content >other; ln -s file symlink
  mknod char c 1 3; mkfifo fifo; printf odd >"$(printf 'n\\nl\\\\\\200\\377 =')"
  setfattr -n user.a -v b file; setfattr -n trusted.c -v 0x00ff0a dir`;
const SET_TIMES = 'find . -depth -exec touch -h -d @1500000000.123456789 {} +';

function plant(name: string, change = ''): string {
  const root = join(scratch, name);
  mkdirSync(root);
  execFileSync('bash', ['-euc', `${PLANT}\n${SET_TIMES}\n${change}`], { cwd: root });
  return root;
}

describe('comparing trees', () => {
  it('finds nothing between equal trees, odd names and all', async () => {
    const [mount, oracle] = [await listTree(plant('mount')), await listTree(plant('oracle'))];
    expect(mount.size).toBe(9);
    expect(mount.get('n\nl\\\x80\xff =')?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(mount.get('char')?.rdev).toBe('1:3');
    expect(mount.get('dir')?.xattrs).toBe('trusted.c=0x00ff0a');
    expect(tellDifferences(compareListings(mount, oracle))).toBe('');
  });

  const again = `\n${SET_TIMES}`;
  const table: [string, string, string[]][] = [
    ['a missing file', `rm other${again}`, ['other presence']],
    ['a file too many', `touch more${again}`, ['more presence']],
    [
      'another type',
      `rm other; mkfifo other; chmod 644 other${again}`,
      ['other sha256', 'other size', 'other type'],
    ],
    ['another mode', 'chmod 4644 other', ['other mode']],
    ['the mode of a directory', 'chmod 1755 dir', ['dir mode']],
    ['the mode of the root', 'chmod 700 .', [' mode']],
    ['another owner', 'chown 7 other', ['other uid']],
    ['another group', 'chgrp 7 other', ['other gid']],
    ['the owner of a symlink', 'chown -h 7:8 symlink', ['symlink gid', 'symlink uid']],
    ['another size', `printf contents >other${again}`, ['other sha256', 'other size']],
    ['other bytes of the same size', `printf cOntent >other${again}`, ['other sha256']],
    ['a nanosecond', 'touch -d @1500000000.123456788 other', ['other mtime']],
    ['the time of a directory', 'touch -d @-1.5 dir', ['dir mtime']],
    ['another target', `ln -sfn fila symlink${again}`, ['symlink target']],
    ['another device', `rm char; mknod char c 1 5${again}`, ['char rdev']],
    ['a value of an attribute', 'setfattr -n user.a -v c file', ['dir/link xattrs', 'file xattrs']],
    ['an attribute gone', 'setfattr -x trusted.c dir', ['dir xattrs']],
    ['an attribute too many', 'setfattr -n user.z other', ['other xattrs']],
    [
      'a capability',
      'setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 other',
      ['other xattrs'],
    ],
    [
      'a link that is a copy',
      `cp --remove-destination -a file dir/copy; mv dir/copy dir/link${again}`,
      ['dir/link names of its inode', 'dir/link nlink', 'file names of its inode', 'file nlink'],
    ],
    [
      'links that swapped groups',
      `rm other; ln file other; rm dir/link; printf content >dir/link; setfattr -n user.a -v b dir/link other${again}`,
      [
        'dir/link names of its inode',
        'dir/link nlink',
        'file names of its inode',
        'other names of its inode',
        'other nlink',
        'other xattrs',
      ],
    ],
    ['an odd name', `rm n*${again}`, ['n\nl\\\x80\xff = presence']],
  ];
  it.each(table)('finds %s', async (_, change, wanted) => {
    const [mount, oracle] = [await listTree(plant('mount', change)), await listTree(plant('oracle'))];
    const found = compareListings(mount, oracle).map(({ path, what }) => `${path} ${what}`);
    expect(found.sort()).toEqual(wanted);
  });

  it('tells the first twenty differences and how many there are', () => {
    const many = Array.from({ length: 23 }, (_, at) => ({
      path: `p${at}\xff`,
      what: 'mode',
      mount: '644',
      oracle: undefined,
    }));
    const lines = tellDifferences(many).split('\n');
    expect(lines).toHaveLength(21);
    expect(lines[0]).toBe('"p0\\xff": mode: "644", want nothing');
    expect(lines[20]).toBe('… and 3 more');
  });
});

describe('rules of a mount', () => {
  const DIRECTORY = {
    type: 'd',
    mode: '755',
    uid: '0',
    gid: '0',
    size: '4096',
    blocks512: '8',
    mtime: '1',
    atime: '1',
    ctime: '1',
    nlink: '2',
    inode: '1',
    target: '',
    rdev: '',
    xattrs: '',
    sha256: '',
  };
  const tree = (root: object, sub: object): Listing =>
    new Map([
      ['', { ...DIRECTORY, nlink: '3', ...root }],
      ['sub', { ...DIRECTORY, ...sub }],
    ]);
  const table: [string, Listing, string[]][] = [
    ['kept', tree({}, {}), []],
    ['nlink of the root', tree({ nlink: '2' }, {}), [' nlink by rule']],
    ['nlink of a leaf', tree({}, { nlink: '1' }), ['sub nlink by rule']],
    ['size of a directory', tree({}, { size: '0' }), ['sub size by rule']],
    ['atime', tree({}, { atime: '2' }), ['sub atime by rule']],
    ['ctime', tree({}, { ctime: '2' }), ['sub ctime by rule']],
  ];
  it.each(table)('%s', (_, listing, wanted) => {
    expect(breachesOfOwnRules(listing).map(({ path, what }) => `${path} ${what}`)).toEqual(wanted);
  });
});
