import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../setup/programs.js';
import { HAS_CHROMIUM, TestBrowser } from './browser/test-browser.js';
import { eventually, firstVisible, visiblePanes } from './browser/tree-page.js';
import { type Answer, imageOf, MockExplorer, sendFile, sendJson, sendLines } from './mock-explorer.js';
import { SAMPLE } from './sample-answers.js';

const WIDE = { width: 1300, height: 800 };
const NARROW = { width: 400, height: 760 };

/** Pixels of the highest scroller that browsers have at any zoom. */
const SCROLLER_MAX = 3_400_000;

describe.skipIf(!HAS_CHROMIUM)('the explorer', { timeout: 20_000 }, () => {
  let browser: TestBrowser;
  let explorer: MockExplorer;
  const others: MockExplorer[] = [];

  beforeAll(async () => {
    explorer = await MockExplorer.start(builtProgram(), SAMPLE);
    browser = await TestBrowser.start();
  });

  afterEach(async () => {
    expect(await browser.closePages()).toEqual([]);
    for (const other of others.splice(0)) await other.close();
    explorer.requests.splice(0);
  });

  afterAll(async () => {
    await browser?.close();
    await explorer?.close();
  });

  async function open(place: string, viewport = WIDE, from = explorer): Promise<Page> {
    const url = from.url(place);
    const page = await browser.newPage(new URL(url).origin, { viewport });
    await page.goto(url);
    return page;
  }

  /** Another explorer, with answers of its own. */
  async function start(answers: Record<string, Answer>): Promise<MockExplorer> {
    const other = await MockExplorer.start(builtProgram(), { ...SAMPLE, ...answers });
    others.push(other);
    return other;
  }

  const entryPane = (page: Page) => page.getByLabel('Entry', { exact: true });

  describe('with a layer chosen', () => {
    it("shows that layer's facts of the root, and of no other layer", async () => {
      const page = await open('tree/?layer=2');
      await entryPane(page).getByText('1.0 KiB').waitFor();
      expect(await entryPane(page).locator('.details .badge').allInnerTexts()).toEqual(['2']);
      expect(explorer.requests.some((url) => /\/stat\?.*layer=2/.test(url))).toBe(true);
      await page.getByRole('button', { name: 'All layers merged' }).click();
      await entryPane(page).getByText('95.4 MiB').waitFor();
    });

    it('says what upper layers do to its entry', async () => {
      const page = await open('tree/etc/nginx.conf?layer=1');
      await entryPane(page).getByText('Replaced by layer').waitFor();
      await entryPane(page).getByRole('link', { name: 'History' }).click();
      await eventually(() => entryPane(page).locator('.version').count()).toBe(3);
    });

    it('says that it has no such entry, and which layers have one', async () => {
      const page = await open('tree/etc/nginx.conf?layer=3');
      await entryPane(page).getByText('has no such entry').waitFor();
      await eventually(() => entryPane(page).locator('.version').count()).toBe(3);
      await entryPane(page).getByRole('link', { name: 'All layers merged' }).click();
      await entryPane(page).getByText('Deleted by layer').waitFor();
    });

    it('lists in the history what that layer hides, and not its own version', async () => {
      const page = await open('tree/etc/nginx.conf?layer=1&file=history');
      await eventually(() => entryPane(page).locator('.version').count()).toBe(3);
      expect(await entryPane(page).locator('.hides li').count()).toBe(0);
      await page.getByRole('button', { name: /apk add/ }).click();
      await eventually(() => entryPane(page).locator('.hides .badge').allInnerTexts()).toEqual(['1']);
    });

    it('has no treemap of what the layer lacks, and leads to all of the layer', async () => {
      const page = await open('treemap/etc/nginx.conf?layer=3');
      const view = page.getByLabel('Treemap', { exact: true });
      await view.getByText('has nothing here').waitFor();
      expect(explorer.requests.some((url) => url.includes('/du?'))).toBe(false);
      await view.getByRole('link', { name: 'treemap of the root' }).click();
      await view.getByRole('button', { name: /^usr/ }).waitFor();
    });
  });

  it('has no treemap of what is deleted, and asks for none', async () => {
    const page = await open('treemap/etc/nginx.conf');
    await page.getByText('The merged tree has nothing here').waitFor();
    expect(explorer.requests.some((url) => url.includes('/du?'))).toBe(false);
  });

  it('shows no time of a directory that no entry names', async () => {
    const stat: Answer = (_, __, reply) => {
      const entry = { ...directoryEntry('/opt'), implied: true };
      sendJson(reply, { digest: '', entry, nlink: 2, names: [], hides: [], versions: [] });
    };
    const page = await open('tree/opt', WIDE, await start({ stat }));
    await entryPane(page).getByText('no layer has an entry of its own for it').waitFor();
    expect(await entryPane(page).locator('.details dd').allInnerTexts()).toContain('–');
    expect(await entryPane(page).innerText()).not.toContain('1970');
  });

  it('shows no rows of a file before its bytes are there, and a binary one as bytes', async () => {
    let answer: (() => void) | undefined; // of the first request
    const file: Answer = (query, request, reply) => {
      const send = () => SAMPLE.file!(query, request, reply);
      if (answer) send();
      else answer = send;
    };
    const page = await open('tree/hostile', WIDE, await start({ file }));
    await entryPane(page).getByText('Loading the content…').waitFor();
    expect(await entryPane(page).locator('.virtual-row').count()).toBe(0);
    await eventually(() => answer !== undefined).toBe(true);
    answer!();
    await entryPane(page).locator('.hex-bytes').filter({ hasText: '3c 69 6d 67' }).waitFor();
    expect(await entryPane(page).getByText('Loading the content…').count()).toBe(0);
  });

  it.each([
    { width: 1300, height: 800 },
    { width: 400, height: 560 },
  ])('keeps the row of a difference in view, at $width × $height', async (viewport) => {
    const diff: Answer = (query, request, reply) => {
      if (query.has('content')) return SAMPLE.diff!(query, request, reply);
      const { path: _, state: __, ...side } = fileEntry('/');
      const rows = Array.from({ length: 400 }, (_, i) => {
        const path = i === 300 ? '/etc/nginx.conf' : `/${String(i).padStart(3, '0')}`;
        return { path, change: 'changed', fields: ['content'], from: side, to: side };
      });
      sendLines(reply, [...rows, { total: { added: 0, removed: 0, changed: 400, errors: 0 } }]);
    };
    const page = await open('compare/?other=sample:2', viewport, await start({ diff }));
    const list = page.getByLabel('Differences');
    await list.getByRole('link', { name: '/000' }).waitFor();
    // The row is the last one that is visible.
    await list.evaluate((box) => box.scrollTo(0, 301 * 28 - box.clientHeight));
    const row = list.locator('.virtual-row').filter({ hasText: 'nginx.conf' });
    await row.getByRole('button', { name: 'diff' }).click();
    await page.locator('.diff-line.added').waitFor();
    const isVisible = () =>
      row.evaluate((one) => {
        const { left, top, bottom } = one.getBoundingClientRect();
        const isOf = (y: number) => one.contains(document.elementFromPoint(left + 30, y));
        return isOf(top + 3) && isOf(bottom - 3);
      });
    await eventually(isVisible).toBe(true);
  });

  it('shows the difference of a file on a screen of little height', async () => {
    const page = await open('compare/?other=sample:2', { width: 400, height: 560 });
    await page.getByText('1 difference of config and build steps').click();
    await page.getByRole('button', { name: 'diff', exact: true }).click();
    const line = page.locator('.diff-line.added');
    await line.waitFor();
    const inView = () => line.evaluate((one) => one.getBoundingClientRect().bottom <= innerHeight);
    await eventually(inView).toBe(true);
  });

  it('says what is wrong with a search, and not that nothing was found', async () => {
    browser.expectFault(/400 .*size=abc/);
    const find: Answer = (_, __, reply) =>
      sendJson(reply, { error: { code: 'INVALID_ARGUMENT', message: 'not a size: "abc"' } }, 400);
    const page = await open('find/?find=*&size=abc', WIDE, await start({ find }));
    await page.getByText('not a size: "abc"').waitFor();
    await page.getByText('Change what was entered.').waitFor();
    expect(await page.getByText('0 found').count()).toBe(0);
  });

  it('shows the treemap of the directory that a file is in', async () => {
    const du: Answer = (query, _, reply) => {
      const path = query.get('path')!;
      const file = { path: '/opt/big', layer: 2, bytes: 3_000_000, entries: 1 };
      const rows = [file, { path: '/opt/small', layer: 1, bytes: 1_000_000, entries: 1 }];
      const below = path === '/opt' ? [{ path, layer: 2, bytes: 4_000_000, entries: 3 }, ...rows] : [file];
      const bytes = below[0]!.bytes;
      sendLines(reply, [...below, { total: { bytes, entries: 1, layerBytes: bytes, percent: 100 } }]);
    };
    const stat: Answer = (query, _, reply) => {
      const path = query.get('path')!;
      const entry = path === '/opt/big' ? fileEntry(path) : directoryEntry(path);
      sendJson(reply, { digest: '', entry, nlink: 1, names: [], hides: [], versions: [] });
    };
    const file: Answer = (_, request, reply) => sendFile(1, () => new Uint8Array(1), request, reply);
    const page = await open('treemap/opt/big', WIDE, await start({ du, stat, file }));
    await page.getByRole('button', { name: /^small/ }).waitFor();
    expect(await page.locator('.numbers .chosen').allInnerTexts()).toEqual(['big\t2.9 MiB\t75.0%\t2']);
    await page.getByRole('button', { name: /^small/ }).press('Backspace');
    expect(new URL(page.url()).pathname).toMatch(/treemap\/$/);
  });

  describe('at 400 px', () => {
    it('opens the entry that a link names, and the list of a directory', async () => {
      const file = await open('tree/hello.sh', NARROW);
      await eventually(() => visiblePanes(file)).toEqual(['Entry']);
      const directory = await open('tree/etc', NARROW);
      await entryPane(directory).getByText('directory').waitFor({ state: 'attached' });
      expect(await visiblePanes(directory)).toEqual(['Image']);
      const found = await open('find/hello.sh?find=*', NARROW);
      await found.getByText('20,000 found').waitFor();
      expect(await visiblePanes(found)).toEqual(['Image']);
    });

    it('goes back from an entry to the list, and forward', async () => {
      const page = await open('find/?find=*', NARROW);
      await page.getByRole('link', { name: '/etc/conf.d/0<i>.conf' }).click();
      await eventually(() => visiblePanes(page)).toEqual(['Entry']);
      await page.goBack();
      await eventually(() => visiblePanes(page)).toEqual(['Image']);
      await page.goForward();
      await eventually(() => visiblePanes(page)).toEqual(['Entry']);
      await page.reload();
      await eventually(() => visiblePanes(page)).toEqual(['Entry']);
    });

    it.each(['compare/?other=sample:2', 'find/?find=*', 'hidden/'])(
      'keeps %s in its column',
      async (place) => {
        const page = await open(place, NARROW);
        const list = page.locator('.virtual-rows').last();
        await list.locator('.virtual-row').first().waitFor();
        expect(await list.evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(NARROW.width);
      },
    );
  });

  it('has room for names at 800 px, and one line for the bar at the top', async () => {
    const page = await open('tree/etc', { width: 800, height: 700 });
    const name = page.locator('[role=treeitem] .name').first();
    await name.waitFor();
    expect((await name.boundingBox())!.width).toBeGreaterThan(100);
    expect((await page.locator('.top').boundingBox())!.height).toBeLessThan(60);
  });

  it.each([1300, 400])('leaves room for names deep in a tree, %i pixels wide', async (width) => {
    const path = Array.from({ length: 40 }, (_, i) => `/level${i}`).join('');
    const tree: Answer = (query, _, reply) => {
      const above = query.get('path') === '/' ? '' : query.get('path')!;
      const entry = directoryEntry(`${above}/level${above.split('/').length - 1}`);
      sendJson(reply, { entries: above.length < path.length ? [entry] : [] });
    };
    const page = await open(`tree${path}`, { width, height: 700 }, await start({ tree }));
    const row = page.getByRole('treeitem', { name: 'level39' });
    await row.waitFor();
    expect((await row.locator('.name').boundingBox())!.width).toBeGreaterThan(60);
    expect(await row.evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0);
  });

  it('keeps the platform in the links of a comparison, and leads to trees', async () => {
    const page = await open('compare/?other=sample:2&platform=linux%2Farm64');
    const list = page.getByLabel('Differences');
    const links = list.getByRole('link');
    await list.getByRole('link', { name: '/new' }).waitFor();
    const urls = await links.evaluateAll((all) => all.map((one) => new URL((one as HTMLAnchorElement).href)));
    expect(urls.map(({ searchParams }) => searchParams.get('platform'))).toEqual(
      urls.map(() => 'linux/arm64'),
    );
    const there = urls.filter(({ pathname }) => pathname.startsWith('/i/sample:2/'));
    expect(there.map(({ pathname }) => pathname).sort()).toEqual([
      '/i/sample:2/~/tree/etc/nginx.conf',
      '/i/sample:2/~/tree/new',
    ]);
  });

  it('keeps the visible bytes when rows get more or fewer of them', async () => {
    const page = await open('tree/huge.img?file=hex', { width: 2000, height: 800 });
    const bytes = page.getByLabel('Bytes');
    await page.getByLabel('Go to offset').fill('0xC0000000');
    await page.keyboard.press('Enter');
    const first = () => firstVisible(bytes);
    await eventually(first).toBe('c0000000');
    await page.setViewportSize(WIDE);
    await eventually(() => page.locator('.hex.narrow').count()).toBe(1);
    await eventually(first).toBe('c0000000');
    await page.setViewportSize({ width: 2000, height: 800 });
    await eventually(() => page.locator('.hex.narrow').count()).toBe(0);
    await eventually(first).toBe('c0000000');
  });

  it('reaches both ends of a directory that is higher than a browser scrolls', async () => {
    const count = 200_000;
    const name = (index: number) => `file-${String(index).padStart(6, '0')}`;
    const entries = Array.from({ length: count }, (_, index) => fileEntry(`/${name(index)}`));
    const page = await open(
      'tree/',
      WIDE,
      await start({ tree: (_, __, reply) => sendJson(reply, { entries }) }),
    );
    await page.getByRole('treeitem', { name: name(0) }).waitFor();
    const tree = page.getByRole('tree');
    await tree.press('End');
    await page.getByRole('treeitem', { name: name(count - 1) }).waitFor();
    await tree.press('ArrowUp');
    await eventually(() => page.locator('.row.cursor bdi').innerText()).toBe(name(count - 2));
    const scroller = page.locator('.tree-scroller');
    expect(await scroller.evaluate((one) => one.scrollHeight)).toBeLessThan(SCROLLER_MAX);
    await scroller.evaluate((one) => one.scrollTo(0, one.scrollHeight / 2));
    await eventually(() => page.getByRole('treeitem', { name: /^file-(099|100)/ }).count()).toBeGreaterThan(
      10,
    );
    expect(await page.locator('[role=treeitem]').count()).toBeLessThan(120);
    await tree.press('Home');
    await page.getByRole('treeitem', { name: name(0) }).waitFor();
  });

  it('asks again when the connection breaks while layers are indexed', async () => {
    browser.expectFault(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
    let asked = 0;
    const layers = [{ layer: 1, digest: '', state: 'indexing', doneBytes: 63, totalBytes: 100 }];
    const events: Answer = (_, __, reply) => {
      reply.writeHead(200, { 'Content-Type': 'text/event-stream' });
      if (++asked > 5) {
        reply.end('event: indexed\ndata: {"entries":60}\n\n');
        return;
      }
      reply.write(`event: progress\ndata: ${JSON.stringify({ queued: false, layers })}\n\n`);
      setTimeout(() => reply.destroy(), 50);
    };
    const image = imageOf([{ indexed: false, entries: undefined }]);
    const indexing = await start({ image: (_, __, reply) => sendJson(reply, image), events });
    const page = await open('tree/', WIDE, indexing);
    await page.getByText('63 %').first().waitFor();
    await page.getByRole('treeitem').first().waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(asked).toBe(6);
  });

  it('lists a layer while it is indexed, and its sorted tree afterwards', async () => {
    const image = imageOf([{}, { indexed: false, entries: undefined }, {}]);
    let finish = () => {};
    const pages: Record<string, object[]> = {
      '/': [directoryEntry('/opt'), fileEntry('/zoo')],
      '/opt': [directoryEntry('/opt/app')],
      '/opt/app': [fileEntry('/opt/app/main')],
    };
    const tree: Answer = (query, request, reply) => {
      const isPage = request.headers.accept === 'application/json';
      if (isPage) return sendJson(reply, { entries: pages[query.get('path')!] });
      expect(query.get('layer')).toBe('2');
      reply.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
      for (const entry of [fileEntry('/zoo'), fileEntry('/opt/app/main')])
        reply.write(`${JSON.stringify(entry)}\n`);
      finish = () => reply.end();
    };
    const events: Answer = (_, __, reply) => {
      reply.writeHead(200, { 'Content-Type': 'text/event-stream' });
      reply.write(': more follows\n\n');
    };
    const explorer = await start({ image: (_, __, reply) => sendJson(reply, image), events, tree });
    const page = await open('tree/opt/app?layer=2', WIDE, explorer);
    const names = () => page.locator('[role=treeitem] bdi').allInnerTexts();
    // Directories that come later in the archive are there already.
    await eventually(names).toEqual(['zoo', 'opt', 'app', 'main']);
    await page.getByText('2 entries so far, in the order of its archive').waitFor();
    finish();
    await eventually(names).toEqual(['opt', 'app', 'main', 'zoo']);
    expect(await page.getByText('entries so far').count()).toBe(0);
  });
});

function fileEntry(path: string) {
  return { path, kind: 'file', layer: 2, state: 'live', mode: '0644', uid: 0, gid: 0, size: 1, mtime: 0 };
}

function directoryEntry(path: string) {
  return { ...fileEntry(path), kind: 'dir', mode: '0755', size: 0 };
}
