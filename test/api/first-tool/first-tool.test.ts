import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { noise } from '../../blob/bytes.js';
import { corruptAt, FaultProxy } from '../../support/fault-proxy.js';
import { LayoutBuilder, named, writeDirectory } from '../../support/local-images.js';
import {
  type PushedImage,
  pushImage,
  pushIndex,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../support/registry.js';
import { char, dir, file, symlink, tarOf, whiteout } from '../../support/tar.js';
import { OldServer } from './old-server.js';

const LAYERS = [
  tarOf(
    dir('etc/', { mtime: 1_600_000_000 }),
    file('etc/passwd', 'root:x:0:0\n', { mode: 0o640, uid: 7, gid: 8, mtime: 1_600_000_000 }),
    file('etc/shadow', 'root:*\n', { mtime: 1_600_000_000 }),
    file('etc/old', 'o'),
    file('etc/new\nline', 'n', { mtime: 1_600_000_000 }),
    file(Buffer.from('etc/\xff', 'latin1'), 'raw'),
    symlink('etc/link', 'passwd', { mtime: 1_600_000_000 }),
    char('zero', 1, 5),
  ),
  tarOf(
    dir('etc/', { mtime: 1_600_000_000 }),
    file('etc/passwd', 'new\n', { mtime: 1_700_000_000 }),
    whiteout('etc/old'),
    file('page.html', '<script>alert(1)</script>'),
  ),
].map((tar) => gzipSync(tar));

let registry: TestRegistry;
let image: PushedImage;
let app: string; // of two platforms
const server = new OldServer();
const layout = () => `oci:${join(server.scratch, 'layout')}:t`;

beforeAll(async () => {
  registry = await startRegistry();
  const arm = await pushImage(registry, 'team/app:arm', {
    layers: [LAYERS[0]!],
    config: { architecture: 'arm64', variant: 'v8', history: [{ created_by: 'COPY arm /' }] },
  });
  image = await pushImage(registry, 'team/app:amd', {
    layers: LAYERS,
    config: { architecture: 'amd64' },
  });
  await pushIndex(registry, 'team/app:1', [
    { image, platform: { os: 'linux', architecture: 'amd64' } },
    { image: arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
  ]);
  app = `${registry.host}/team/app:1`;
  const builder = new LayoutBuilder();
  const history = [{ created_by: '/bin/sh -c #(nop) COPY a \x1b[31mb' }];
  const plain = tarOf(file('a/b', 'b'), file('a/%_', 'c'));
  writeDirectory(
    join(server.scratch, 'layout'),
    builder.top([named(builder.image([plain], { history }), 't')]),
  );
  await server.start();
});
afterAll(async () => {
  await server.cleanUp();
  await registry.stop();
});

const ETC_0 = 'drwxr-xr-x     0     0          - 2020-09-13 12:26 /etc/';
const PASSWD_0 = '-rw-r-----     7     8       11 B 2020-09-13 12:26 /etc/passwd';

describe('/peek/status', () => {
  it('says which layers are indexed', async () => {
    const status = async () =>
      JSON.parse((await server.get(`/peek/status?image=${app}`)).text) as Record<string, unknown>;
    const layer = (idx: number) => ({
      idx,
      digest: image.manifest.layers[idx]!.digest,
      size: LAYERS[idx]!.length,
    });
    const none = { peeked: false, peeked_at: null, entries_count: null };
    expect(await status()).toEqual({
      image: app,
      config_digest: image.manifest.config.digest,
      config_cached: true,
      layer_count: 2,
      layers: [
        { ...layer(0), ...none },
        { ...layer(1), ...none },
      ],
      peeked_count: 0,
      unpeeked_count: 2,
    });
    const before = Date.now() - 1000;
    await server.lines(`/peek?image=${app}&layer=1`);
    const after = await status();
    expect(after).toMatchObject({
      layers: [none, { ...layer(1), peeked: true, entries_count: 4 }],
      peeked_count: 1,
      unpeeked_count: 1,
    });
    const [, { peeked_at }] = after.layers as [unknown, { peeked_at: string }];
    expect(Date.parse(peeked_at)).toBeGreaterThan(before);
    expect(Date.parse(peeked_at)).toBeLessThanOrEqual(Date.now());
    expect(JSON.parse((await server.get(`/peek?image=${app}&status_only=True`)).text)).toEqual(after);
  });

  it('is of a platform by its architecture', async () => {
    const { text } = await server.get(`/peek/status?image=${app}&arch=arm64`);
    expect(JSON.parse(text)).toMatchObject({ layer_count: 1 });
    expect(await server.fault(`/peek/status?image=${app}&arch=s390x`)).toMatch(/^422 NO_MATCHING_PLATFORM /);
  });
});

describe('/peek', () => {
  it('prints platforms, build steps, and what each layer holds', async () => {
    const lines = await server.lines(`/peek?image=${app}&unknown=ignored`);
    expect(lines).toEqual([
      'Available platforms:',
      ' [0] linux/amd64',
      ' [1] linux/arm64',
      '',
      'Build steps:',
      ' [0] RUN step-1',
      ' [1] RUN step-2',
      '',
      `[Layer 0] ${image.manifest.layers[0]!.digest}`,
      `           Size: ${LAYERS[0]!.length} B`,
      `  ${ETC_0}`,
      `  ${PASSWD_0}`,
      '  -rw-r--r--     0     0        7 B 2020-09-13 12:26 /etc/shadow',
      '  -rw-r--r--     0     0        1 B 2017-07-14 02:40 /etc/old',
      '  -rw-r--r--     0     0        1 B 2020-09-13 12:26 /etc/new\\x0aline',
      '  -rw-r--r--     0     0        3 B 2017-07-14 02:40 /etc/\\xff',
      '  lrwxrwxrwx     0     0          - 2020-09-13 12:26 /etc/link -> passwd',
      '  crw-------     0     0       1, 5 2017-07-14 02:40 /zero',
      '',
      `[Layer 1] ${image.manifest.layers[1]!.digest}`,
      `           Size: ${LAYERS[1]!.length} B`,
      `  ${ETC_0}`,
      '  -rw-r--r--     0     0        4 B 2023-11-14 22:13 /etc/passwd',
      '  -rw-r--r--     0     0        0 B 2017-07-14 02:40 /etc/.wh.old',
      '  -rw-r--r--     0     0       25 B 2017-07-14 02:40 /page.html',
    ]);
  });

  it.each([
    ['layer=1&hide_build=true', 'Available platforms:\n [0] linux/amd64\n [1] linux/arm64\n\n[Layer 1]', 10],
    ['layer=0&arch=1&hide_build=no', 'Available platforms:', 17],
    [
      'platform=arm64&hide_build=1',
      'Available platforms:\n [0] linux/amd64\n [1] linux/arm64\n\n[Layer 0]',
      14,
    ],
  ])('%s', async (query, start, count) => {
    const lines = await server.lines(`/peek?image=${app}&${query}`);
    expect(lines.join('\n').startsWith(start)).toBe(true);
    expect(lines.length).toBe(count);
  });

  it('is of images on this machine, without control characters in build steps', async () => {
    const lines = await server.lines(`/peek?image=${layout()}`);
    expect(lines.slice(3, 5)).toEqual(['Build steps:', ' [0] COPY a \\x1b[31mb']);
    expect(lines.at(-1)).toBe('  -rw-r--r--     0     0        1 B 2017-07-14 02:40 /a/%_');
  });

  it('is text that a browser runs nothing of', async () => {
    const { headers } = await server.get(`/peek?image=${app}`);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
  });

  it.each([
    ['layer=2', /^404 NOT_FOUND .* has no layer 2: want 0 to 1$/],
    ['layer=-1', /^400 INVALID_ARGUMENT parameter layer: want all, or a number from 0$/],
    ['arch=2', /^400 INVALID_ARGUMENT .* has no platform 2: 0 is linux\/amd64, 1 is linux\/arm64$/],
    ['arch=amd64', /^400 INVALID_ARGUMENT parameter arch: /],
    ['hide_build=maybe', /^400 INVALID_ARGUMENT parameter hide_build: want true or false$/],
  ])('refuses %s', async (query, message) => {
    expect(await server.fault(`/peek?image=${app}&${query}`)).toMatch(message);
  });

  it('refuses images that are not there, and others of this machine', async () => {
    expect(await server.fault(`/peek?image=${registry.host}/team/none`)).toMatch(/^404 NOT_FOUND /);
    expect(await server.fault('/peek?image=oci:/etc')).toMatch(/^403 FORBIDDEN /);
    expect(await server.fault('/peek?image=UPPER')).toMatch(/^400 INVALID_REFERENCE /);
    expect(await server.fault('/peek')).toMatch(/^400 INVALID_ARGUMENT parameter image is missing$/);
  });

  it('names a layer that is no tar, and lists the next one', async () => {
    await pushImage(registry, 'team/broken:1', { layers: [gzipSync(Buffer.alloc(2048, 'x')), LAYERS[1]!] });
    const lines = await server.lines(`/peek?image=${registry.host}/team/broken:1&hide_build=1`);
    expect(lines.slice(5, 6)).toEqual([expect.stringMatching(/^# CORRUPT_LAYER: layer 1: /)]);
    expect(lines.at(-1)).toMatch(/ \/page\.html$/);
  });
});

describe('a layer that comes slowly', () => {
  it('follows what was read before, and its pass ends when the client goes away', async () => {
    const slow = gzipSync(tarOf(file('slow', noise(1_000_000))));
    // A session asks for a layer where it saw it first: no other test has this one.
    const quick = gzipSync(tarOf(file('quick', 'q')));
    await pushImage(registry, 'team/slow:1', { layers: [quick, slow] });
    const drip = { change: (answer: object) => ({ ...answer, drip: { bytes: 500, everyMs: 50 } }) };
    const path = new RegExp(sha256(slow));
    const proxy = await FaultProxy.start({
      target: registry.url,
      rules: [{ path, fault: drip as never }],
    });
    try {
      const leaving = new AbortController();
      const url = `${server.address}/peek?image=${proxy.host}/team/slow:1`;
      const { body } = await fetch(url, { signal: leaving.signal });
      const reader = body!.getReader(); // an iteration that breaks would end the request
      let text = '';
      while (!text.includes('[Layer 1]')) text += Buffer.from((await reader.read()).value!).toString();
      expect(text).toContain(' /quick\n');
      await vi.waitFor(async () => expect(await passes()).toBe(1));
      leaving.abort();
      await vi.waitFor(async () => expect(await passes()).toBe(0), { timeout: 2_000 });
    } finally {
      await proxy.stop();
    }
  });

  async function passes(): Promise<number> {
    const { text } = await server.get('/metrics');
    return Number(/^layerslayer_index_passes (\d+)$/m.exec(text)![1]);
  }
});

describe('/fslog', () => {
  const line = (text: string, layer: number) => `${text.padEnd(101)} [L${layer}]`;

  it('lists a directory, each name with the layer it comes from', async () => {
    expect(await server.lines(`/fslog?image=${app}&path=/etc`)).toEqual([
      line('lrwxrwxrwx     0     0          - 2020-09-13 12:26 link -> passwd', 0),
      line('-rw-r--r--     0     0        1 B 2020-09-13 12:26 new\\x0aline', 0),
      line('-rw-r--r--     0     0        4 B 2023-11-14 22:13 passwd', 1),
      line('-rw-r--r--     0     0        7 B 2020-09-13 12:26 shadow', 0),
      line('-rw-r--r--     0     0        3 B 2017-07-14 02:40 \\xff', 0),
    ]);
    expect(await server.lines(`/fslog?image=${app}`)).toEqual([
      line('drwxr-xr-x     0     0          - 2020-09-13 12:26 etc/', 1),
      line('-rw-r--r--     0     0       25 B 2017-07-14 02:40 page.html', 1),
      line('crw-------     0     0       1, 5 2017-07-14 02:40 zero', 0),
    ]);
  });

  it('lists one layer’s own, and a file by its name', async () => {
    const lines = await server.lines(`/fslog?image=${app}&path=etc/&layer=0`);
    expect(lines.map((text) => text.replace(/^.{51}(\S+).*( \[.*)$/, '$1$2'))).toEqual([
      'link [L0]',
      'new\\x0aline [L0]',
      'old [L0]',
      'passwd [L0]',
      'shadow [L0]',
      '\\xff [L0]',
    ]);
    expect(await server.lines(`/fslog?image=${app}&path=/etc/link`)).toEqual([
      line('-rw-r--r--     0     0        4 B 2023-11-14 22:13 passwd', 1),
    ]);
    expect(await server.lines(`/fslog?image=${app}&path=/etc/%ff`)).toHaveLength(1);
  });

  it('refuses what is not there', async () => {
    expect(await server.fault(`/fslog?image=${app}&path=/etc/old`)).toMatch(/^404 NOT_FOUND no such file/);
    expect(await server.fault(`/fslog?image=${app}&layer=7`)).toMatch(/^404 NOT_FOUND /);
  });
});

describe('/fslog-search', () => {
  const hits = async (query: string) =>
    (await server.lines(`/fslog-search?${query}`)).map((text) => text.replace(/^.{51}(.*?) +\[/, '$1 ['));
  const team = () => `${registry.host}/team/app:1`;

  it.each([
    ['passwd', ['/etc/passwd [APP layer 0]', '/etc/link -> passwd', '/etc/passwd [APP layer 1]']],
    ['PASSWD', ['/etc/passwd [APP layer 0]', '/etc/passwd [APP layer 1]']],
    ['etc%25shad', ['/etc/shadow [APP layer 0]']],
    ['s_a_ow', ['/etc/shadow [APP layer 0]']],
    ['%ff', ['/etc/\\xff [APP layer 0]']],
    ['etc/.wh', ['/etc/.wh.old [APP layer 1]']],
    ['nothing', []],
  ])('finds %s in each layer', async (q, wanted) => {
    const named = wanted.map((text) => text.replace('APP', team())).filter((text) => !text.includes('->'));
    expect(await hits(`q=${q}&image=${app}`)).toEqual(named);
  });

  it('finds in one layer, and in all images that are indexed', async () => {
    expect(await hits(`q=passwd&image=${app}&layer=1`)).toEqual([`/etc/passwd [${team()} layer 1]`]);
    await server.lines(`/peek?image=${layout()}`);
    // The cache records an image a second after it was opened.
    await vi.waitFor(
      async () => {
        const all = await hits('q=a/b');
        expect(all).toEqual([`/a/b [${layout()} layer 0]`]);
        expect(await hits('q=passwd')).toEqual(
          expect.arrayContaining([`/etc/passwd [${team()} layer 0]`, `/etc/passwd [${team()} layer 1]`]),
        );
        expect(await hits('q=passwd&layer=1')).not.toContain(`/etc/passwd [${team()} layer 0]`);
      },
      { timeout: 5_000, interval: 200 },
    );
  });

  it('refuses an empty or a very long text', async () => {
    expect(await server.fault('/fslog-search?q=')).toMatch(/^400 INVALID_ARGUMENT /);
    expect(await server.fault(`/fslog-search?q=${'x'.repeat(300)}`)).toMatch(/^400 INVALID_ARGUMENT /);
  });
});

const HISTORY_HEADING =
  'scraped_at       | owner                     | repo                      | tag                  | idx  |   layer_size';

describe('/history', () => {
  const table = async (query: string) => {
    const [heading, rule, ...rows] = await server.lines(`/history?${query}`);
    expect(heading).toBe(HISTORY_HEADING);
    expect(rule).toMatch(/^[-+]+$/);
    return rows.map((row) => row.split('|').map((cell) => cell.trim()));
  };

  it('is a table of the layers that are indexed', async () => {
    await server.lines(`/peek?image=${app}`);
    await vi.waitFor(
      async () => {
        const rows = await table('q=APP&sortby=idx&order=asc');
        const mine = rows.filter(([, , , tag]) => tag === '1');
        const owner = `${registry.host}/team`;
        expect(mine).toEqual([
          [
            expect.stringMatching(/^20\d\d-\d\d-\d\d \d\d:\d\d$/),
            owner,
            'app',
            '1',
            '0',
            `${LAYERS[0]!.length}`,
          ],
          [
            expect.stringMatching(/^20\d\d-\d\d-\d\d \d\d:\d\d$/),
            owner,
            'app',
            '1',
            '1',
            `${LAYERS[1]!.length}`,
          ],
        ]);
      },
      { timeout: 5_000, interval: 200 },
    );
  });

  /** Returns a table to which no image is added: records are written a second after an opening. */
  const settled = () =>
    vi.waitFor(
      async () => {
        const before = await table('sortby=tag&order=asc&page_size=100');
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        expect(await table('sortby=tag&order=asc&page_size=100')).toEqual(before);
        return before;
      },
      { timeout: 15_000 },
    );

  it.each(['scraped_at', 'owner', 'repo', 'tag', 'idx', 'layer_size'])('is sorted by %s', async (key) => {
    const at = ['scraped_at', 'owner', 'repo', 'tag', 'idx', 'layer_size'].indexOf(key);
    if (key === 'scraped_at') await settled(); // the others come after it
    const cells = (await table(`sortby=${key}&order=asc`)).map((row) => row[at]!);
    const isNumber = key === 'idx' || key === 'layer_size';
    const sorted = [...cells].sort((a, b) => (isNumber ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0));
    expect(cells.length).toBeGreaterThan(2);
    expect(cells).toEqual(sorted);
    expect((await table(`sortby=${key}`)).map((row) => row[at]!)).toEqual(sorted.toReversed());
  });

  it('comes in pages', async () => {
    const all = await settled();
    const pages = await Promise.all(
      [1, 2, 3].map((page) => table(`sortby=tag&order=asc&page_size=1&page=${page}`)),
    );
    expect(pages.flat()).toEqual(all.slice(0, 3));
    expect(await table('page=1000')).toEqual([]);
    expect(await table('q=no-such-owner')).toEqual([]);
  });

  it.each(['sortby=size', 'order=up', 'page=0', 'page_size=101', 'page_size=x'])(
    'refuses %s',
    async (query) => {
      expect(await server.fault(`/history?${query}`)).toMatch(/^400 INVALID_ARGUMENT /);
    },
  );
});

describe('/carve', () => {
  it('has the bytes of a file, which a browser saves', async () => {
    const target = `/carve?image=${app}&path=/etc/link`;
    const { status, headers, text } = await server.get(target);
    expect([status, text]).toEqual([200, 'new\n']);
    expect(headers.get('content-disposition')).toBe(`attachment; filename="passwd"; filename*=UTF-8''passwd`);
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-length')).toBe('4');
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('shows a file as text, and runs no page', async () => {
    const { headers, text } = await server.get(`/carve?image=${app}&path=page.html&as_text=true`);
    expect(text).toBe('<script>alert(1)</script>');
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('content-disposition')).toBe('inline');
    const page = await server.get(`/carve?image=${app}&path=page.html`);
    expect(page.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('takes one layer’s version, and names that are not UTF-8', async () => {
    expect(await server.bytes(`/carve?image=${app}&path=/etc/passwd&layer=0`)).toEqual(
      Buffer.from('root:x:0:0\n'),
    );
    expect(await server.bytes(`/carve?image=${app}&path=/etc/old&layer=0`)).toEqual(Buffer.from('o'));
    expect((await server.get(`/carve?image=${app}&path=/etc/%ff`)).text).toBe('raw');
  });

  it('reads a layer without an index only up to the file', async () => {
    const early = noise(100_000);
    const big = gzipSync(tarOf(file('early', early), file('late', noise(8_000_000))), { level: 1 });
    await pushImage(registry, 'team/big:1', { layers: [big] });
    const proxy = await FaultProxy.start({ target: registry.url });
    try {
      const target = `/carve?image=${proxy.host}/team/big:1&path=/early`;
      const response = await fetch(`${server.address}${target}`);
      expect(Buffer.from(await response.arrayBuffer()).equals(early)).toBe(true);
      expect(response.headers.get('layerslayer-verified')).toBe('false');
      expect(proxy.blobBytes).toBeLessThan(big.length / 2);
    } finally {
      await proxy.stop();
    }
  });

  it.each([
    ['path=/etc/old', /^404 NOT_FOUND no such file in image: \/etc\/old/],
    ['path=/etc/shadow&layer=1', /^404 NOT_FOUND no such file in .*: \/etc\/shadow/],
    ['path=/etc', /^400 INVALID_ARGUMENT .*is a directory$/],
    ['path=/', /^400 INVALID_ARGUMENT .*is a directory$/],
    ['path=/../..', /^400 INVALID_ARGUMENT .*is a directory$/],
    ['path=/zero', /^422 UNSUPPORTED .*character device/],
    ['layer=0', /^400 INVALID_ARGUMENT parameter path is missing$/],
  ])('refuses %s', async (query, message) => {
    expect(await server.fault(`/carve?image=${app}&${query}`)).toMatch(message);
  });
});

describe('/layer/download', () => {
  it('has the blob of a layer as it is', async () => {
    const { digest } = image.manifest.layers[0]!;
    const target = `/layer/download?image=${app}&digest=${digest}`;
    const { headers } = await server.get(target);
    const bytes = await server.bytes(target);
    expect(bytes.equals(LAYERS[0]!), bytes.toString('latin1')).toBe(true);
    expect(headers.get('content-type')).toBe('application/gzip');
    expect(headers.get('content-length')).toBe(String(LAYERS[0]!.length));
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="${digest.replace(':', '_')}.tar.gz"`,
    );
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
  });

  it('names a blob by what it is', async () => {
    const plain = tarOf(file('plain', noise(3_000_000)));
    await pushImage(registry, 'team/plain:1', { layers: [plain] });
    const digest = sha256(plain);
    const target = `/layer/download?image=${registry.host}/team/plain:1&digest=${digest}`;
    const { headers } = await server.get(target);
    expect(headers.get('content-type')).toBe('application/x-tar');
    expect(headers.get('content-disposition')).toMatch(/[0-9a-f]{64}\.tar"$/);
    expect((await server.bytes(target)).equals(plain)).toBe(true);
  });

  it('cuts the connection when the bytes are wrong', async () => {
    const layer = gzipSync(tarOf(file('x', noise(2_000_000))));
    await pushImage(registry, 'team/wrong:1', { layers: [layer] });
    const path = new RegExp(sha256(layer));
    const proxy = await FaultProxy.start({
      target: registry.url,
      rules: [{ path, fault: corruptAt(1_000) }],
    });
    try {
      const query = `image=${proxy.host}/team/wrong:1&digest=${sha256(layer)}`;
      const target = `/layer/download?${query}`;
      const ended = server.bytes(target).then(
        () => 'whole',
        () => 'cut',
      );
      expect(await ended).toBe('cut');
    } finally {
      await proxy.stop();
    }
  });

  it('has only layers of the image', async () => {
    const other = sha256('another');
    expect(await server.fault(`/layer/download?image=${app}&digest=${other}`)).toMatch(/^404 NOT_FOUND /);
    const config = image.manifest.config.digest;
    expect(await server.fault(`/layer/download?image=${app}&digest=${config}`)).toMatch(/^404 NOT_FOUND /);
    for (const digest of ['sha256:1', 'md5:1', other.toUpperCase()])
      expect(await server.fault(`/layer/download?image=${app}&digest=${digest}`)).toMatch(
        /^400 INVALID_ARGUMENT parameter digest: want sha256: and 64 hex digits$/,
      );
  });
});

describe('/repositories', () => {
  it('has the config of an image as it is', async () => {
    const target = `/repositories/${registry.host}/missing/tags/1/config`;
    expect(await server.fault(target)).toMatch(/^404 NOT_FOUND /);
    // Here the namespace is a registry, since the first tool knew Docker Hub only.
    await pushImage(registry, 'app:7', { layers: LAYERS, config: { author: 'ann' } });
    for (const query of ['', '?force_refresh=true', '?arch=amd64&unknown=1']) {
      const { headers, text } = await server.get(`/repositories/${registry.host}/app/tags/7/config${query}`);
      expect(JSON.parse(text)).toMatchObject({ author: 'ann', rootfs: { type: 'layers' } });
      expect(headers.get('content-type')).toBe('application/json');
    }
  });

  it('asks the registry again with force_refresh', async () => {
    const config = async (query = '') => {
      const { text } = await server.get(`/repositories/${registry.host}/moved/tags/1/config${query}`);
      return (JSON.parse(text) as { author: string }).author;
    };
    await pushImage(registry, 'moved:1', { layers: LAYERS, config: { author: 'ann' } });
    expect(await config()).toBe('ann');
    await pushImage(registry, 'moved:1', { layers: LAYERS, config: { author: 'bob' } });
    expect(await config('?force_refresh=1')).toBe('bob');
  });

  it('lists tags, all or by pages', async () => {
    for (const tag of ['a', 'b', 'c']) await pushImage(registry, `tagged:${tag}`, { layers: [LAYERS[1]!] });
    const tags = async (query: string) =>
      JSON.parse((await server.get(`/repositories/${registry.host}/tagged/tags${query}`)).text) as string[];
    const all = await tags(''); // this registry sorts none
    expect([...all].sort()).toEqual(['a', 'b', 'c']);
    expect(await tags('?page=2&page_size=2')).toEqual(all.slice(2));
    expect(await tags('?page_size=2')).toEqual(all.slice(0, 2));
    expect(await tags('?page=9')).toEqual([]);
  });

  it.each([
    '/repositories/library/a:b/tags',
    '/repositories/library/..%2fx/tags',
    '/repositories/oci:dir/x/tags',
    '/repositories/library/nginx/tags/a%20b/config',
    '/repositories/library/nginx/tags/x@sha256:0/config',
    '/repositories/library/nginx/tags?page=0',
  ])('refuses %s', async (target) => {
    expect(await server.fault(target)).toMatch(/^400 INVALID_ARGUMENT /);
  });
});

describe('on an address that shows nothing of its user', () => {
  it('refuses what only shows the cache', async () => {
    const other = new OldServer();
    await other.start({ showsLocal: false });
    try {
      expect(await other.fault('/history')).toMatch(/^403 FORBIDDEN .*--show-local$/);
      expect(await other.fault('/fslog-search?q=a')).toMatch(/^403 FORBIDDEN .*--show-local$/);
      expect((await other.get(`/fslog-search?q=shadow&image=${app}`)).status).toBe(200);
    } finally {
      await other.cleanUp();
    }
  });
});

describe('openapi.json', () => {
  it('lists the routes with their parameters', async () => {
    const { paths } = JSON.parse((await server.get('/openapi.json')).text) as {
      paths: Record<string, { get: { parameters: { name: string }[] } }>;
    };
    const names = (path: string) => paths[path]!.get.parameters.map(({ name }) => name).sort();
    expect(names('/peek')).toEqual(['arch', 'hide_build', 'image', 'layer', 'platform', 'status_only']);
    expect(names('/peek/status')).toEqual(['arch', 'image']);
    expect(names('/fslog')).toEqual(['image', 'layer', 'path', 'platform']);
    expect(names('/fslog-search')).toEqual(['image', 'layer', 'platform', 'q']);
    expect(names('/history')).toEqual(['order', 'page', 'page_size', 'q', 'sortby']);
    expect(names('/carve')).toEqual(['as_text', 'image', 'layer', 'path', 'platform']);
    expect(names('/layer/download')).toEqual(['digest', 'image', 'platform']);
    expect(names('/repositories/{ns}/{repo}/tags/{tag}/config')).toEqual([
      'arch',
      'force_refresh',
      'ns',
      'repo',
      'tag',
    ]);
    expect(names('/repositories/{ns}/{repo}/tags')).toEqual(['ns', 'page', 'page_size', 'repo']);
  });
});
