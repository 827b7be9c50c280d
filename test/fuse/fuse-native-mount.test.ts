import { afterEach, describe, expect, it } from 'vitest';
import { FuseNativeTransport } from '#src/fuse/fuse-native/fuse-native-transport.js';
import { readMountTable, topmostAt } from '#src/fuse/mounting/mount-table.js';
import type { TransportOptions } from '#src/fuse/transport.js';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, HAS_FUSE_NATIVE, mountFs, newMountpoint, optionsFor, output, run } from './mounting.js';

afterEach(cleanUp);

const RAW = Buffer.from([0x63, 0xff]);

function newFs() {
  const fs = new MemoryFs();
  const dir = fs.dir(fs.root, 'dir');
  fs.file(dir, 'größe', 'content', { mtime: [1_600_000_000, 999_999_999], mode: 0o4755, uid: 5 });
  fs.symlink(fs.root, 'link', 'dir/größe');
  return fs;
}

const entryOf = async (mountpoint: string) => topmostAt(await readMountTable(), mountpoint);

describe.runIf(HAS_FUSE_NATIVE)('fuse-native', () => {
  const mount = (fs: MemoryFs, changes: Partial<TransportOptions> = {}) =>
    mountFs(fs, changes, new FuseNativeTransport());

  it('shows names, attributes, targets and contents', async () => {
    const { mountpoint } = await mount(newFs());
    expect(
      await output('find', mountpoint, '-mindepth', '1', '-printf', '%P %y %m %n %U %s %T@ %i %l\n'),
    ).toBe(
      [
        'dir d 755 2 0 4096 0.0000000000 2 ',
        'dir/größe f 4755 1 5 7 1600000000.9990000000 3 ',
        'link l 777 1 0 11 0.0000000000 4 dir/größe',
        '',
      ].join('\n'),
    );
    expect(await output('cat', `${mountpoint}/link`)).toBe('content');
    expect((await run('touch', [`${mountpoint}/new`])).stderr).toContain('Read-only file system');
  });

  it.each(['a,suid,dev', 'a\\,rw', '-o', ',', 'docker.io/library/a:1@sha256:00 #\\040', 'ü😀'])(
    'source %s stays a source',
    async (source) => {
      const { mountpoint } = await mount(newFs(), { source });
      expect(await entryOf(mountpoint)).toMatchObject({
        source,
        type: 'fuse.layerslayer',
        options: expect.stringMatching(/^ro,nosuid,nodev/),
        superOptions: 'ro,user_id=0,group_id=0,max_read=131072',
      });
    },
  );

  it('a source too long for fuse-native is cut, and the options stay', async () => {
    const { mountpoint } = await mount(newFs(), { source: `${'ü,'.repeat(2000)}`, allowOther: true });
    const entry = await entryOf(mountpoint);
    expect(entry?.source).toMatch(/^(ü,)+ü?$/);
    expect(entry?.options).toMatch(/^ro,nosuid,nodev/);
    expect(entry?.superOptions).toContain('default_permissions,allow_other');
  });

  it('says which names it can’t show', async () => {
    const fs = newFs();
    fs.file(fs.root, RAW, 'hidden');
    fs.symlink(fs.root, 'raw', RAW);
    const { mountpoint, log } = await mount(fs);
    expect(log.filter((line) => line.startsWith('warn:'))).toEqual([
      'warn: names that are not UTF-8: 1, not shown; links to such: 1, not readable (the first is /c\ufffd); --transport dev-fuse shows all',
    ]);
    expect(await output('ls', mountpoint)).toBe('dir\nlink\nraw\n');
    expect((await run('readlink', ['-v', `${mountpoint}/raw`])).stderr).toMatch(
      /Invalid or incomplete multibyte/,
    );
    expect((await run('cat', [`${mountpoint}/c\ufffd`])).stderr).toContain('No such file');
  });

  it('mounts several at once', async () => {
    const mounts = await Promise.all([1, 2, 3].map(() => mount(newFs())));
    for (const { mountpoint, mounted } of mounts) {
      expect(await output('cat', `${mountpoint}/link`)).toBe('content');
      await mounted.unmount({ lazy: false });
      await mounted.closed;
    }
  });

  it('says that it does not mount over another mount', async () => {
    const mountpoint = await newMountpoint();
    const transport = new FuseNativeTransport();
    await output('mount', '-t', 'tmpfs', 'another', mountpoint);
    await expect(transport.mount(newFs(), mountpoint, optionsFor({ nonempty: true }))).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: `mounting on ${mountpoint} by fuse-native: it does not mount over another mount (another); --transport dev-fuse may do it`,
    });
  });

  it('tells why the system refused, which libfuse keeps to itself', async () => {
    const options = optionsFor({ checkedMs: Date.now() });
    await expect(new FuseNativeTransport().mount(newFs(), '/nonexistent/x', options)).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: expect.stringMatching(/^mounting on \/nonexistent\/x: no such file or directory/),
    });
  });

  it('refuses a mountpoint that it would cut, and so mount somewhere else', async () => {
    const path = `/${'x/'.repeat(512)}`.slice(0, 1024);
    const options = optionsFor({ checkedMs: Date.now() });
    await expect(new FuseNativeTransport().mount(newFs(), path, options)).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: expect.stringContaining('it takes paths of at most 1023 bytes'),
    });
  });

  it('refuses a source with a NUL, at which all options would end', async () => {
    const mountpoint = await newMountpoint();
    const refused = new FuseNativeTransport().mount(newFs(), mountpoint, optionsFor({ source: 'nul\0' }));
    await expect(refused).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: expect.stringContaining('the source holds a NUL'),
    });
    expect(await entryOf(mountpoint)).toBeUndefined();
  });
});
