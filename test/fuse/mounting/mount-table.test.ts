import { expect, test } from 'vitest';
import { findMounts, parseMountTable, readMountTable, topmostAt } from '#src/fuse/mounting/mount-table.js';

const parse = (text: string) => parseMountTable(Buffer.from(text));

test('a line with no, one and several optional fields', () => {
  const entry = {
    id: 36,
    parentId: 35,
    device: '98:0',
    mountpoint: '/mnt2',
    options: 'rw,noatime',
    type: 'ext3',
    source: '/dev/root',
    superOptions: 'rw,errors=continue',
  };
  for (const optional of ['', 'master:1 ', 'shared:7 master:1 ']) {
    expect(
      parse(`36 35 98:0 /mnt1 /mnt2 rw,noatime ${optional}- ext3 /dev/root rw,errors=continue\n`),
    ).toEqual([entry]);
  }
});

test('escapes are undone, in every field that can hold them', () => {
  const [entry] = parse('1 2 0:9 / /a\\040b\\011c\\012d\\134e ro - fuse.x docker.io/a,b\\043c\\134040 ro\n');
  expect(entry?.mountpoint).toBe('/a b\tc\nd\\e');
  expect(entry?.source).toBe('docker.io/a,b#c\\040'); // an escaped backslash starts no second escape
});

test('UTF-8 in names', () => {
  expect(parse('1 2 0:9 / /mnt/é\\040✓ ro - tmpfs x ro\n')[0]?.mountpoint).toBe('/mnt/é ✓');
});

test('a mountpoint named `-`, and a source that is empty or `-`', () => {
  expect(parse('1 2 0:9 / - ro - tmpfs - ro\n')[0]).toMatchObject({
    mountpoint: '-',
    type: 'tmpfs',
    source: '-',
  });
  expect(parse('1 2 0:9 / /m ro - tmpfs  ro\n')[0]).toMatchObject({ source: '', superOptions: 'ro' });
});

test.each([
  '',
  '\n',
  'garbage',
  '1 2 3 4 5 6',
  '1 2 0:9 / /m ro - tmpfs',
  '1 2 0:9 / /m ro shared:1 tmpfs x ro',
])('skips %j', (text) => {
  expect(parse(text)).toEqual([]);
});

test('of several mounts on one path the last is seen', () => {
  const table = parse('1 0 0:1 / /m ro - a x ro\n2 1 0:2 / /m ro - b x ro\n3 0 0:3 / /n ro - c x ro\n');
  expect(topmostAt(table, '/m')?.id).toBe(2);
  expect(topmostAt(table, '/o')).toBeUndefined();
});

test('the table of this machine', async () => {
  const table = await readMountTable();
  expect(topmostAt(table, '/')).toBeDefined();
  expect(await findMounts('proc')).toContainEqual(expect.objectContaining({ mountpoint: '/proc' }));
});
