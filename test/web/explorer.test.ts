import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatPlatform } from '#src/oci/platform.js';
import { Workplace } from '../support/mounts.js';
import { type ServedExplorer, serveExplorer } from './browser/served-explorer.js';
import { HAS_CHROMIUM, TestBrowser } from './browser/test-browser.js';
import { active, eventually, names, pathOf, row, visiblePanes } from './browser/tree-page.js';
import { HOSTILE_NAMES, MANY, writeExplorerImage } from './explorer-image.js';
import { OTHER_PLATFORM } from './source/platforms.js';

const OTHER = formatPlatform(OTHER_PLATFORM);

/** Rows of a tree that may be in the page. */
const ROWS_MAX = 300;

describe.skipIf(!HAS_CHROMIUM)('the explorer', { timeout: 20_000 }, () => {
  let workplace: Workplace;
  let server: ServedExplorer;
  let browser: TestBrowser;
  let reference: string;

  beforeAll(async () => {
    workplace = new Workplace();
    reference = writeExplorerImage(join(workplace.scratch, 'image'));
    server = await serveExplorer(workplace, [reference]);
    browser = await TestBrowser.start();
  });

  afterEach(async () => {
    expect(await browser.closePages()).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await workplace?.cleanUp();
  });

  const newPage = (options: BrowserContextOptions = {}) => browser.newPage(server.origin, options);

  /** Opens a view of the image. @param place behind the reference: `/tree/etc?layer=2` */
  async function open(place = '/tree/', options: BrowserContextOptions = {}): Promise<Page> {
    const page = await newPage(options);
    await page.goto(`${server.origin}/i/${reference}/~${place}`);
    return page;
  }

  it('opens an image that was typed, and unfolds it by clicks', async () => {
    const page = await newPage();
    await page.goto(server.origin);
    await page.getByLabel('Image', { exact: true }).fill(reference);
    await page.keyboard.press('Enter');
    await row(page, 'etc').click();
    await row(page, 'nginx').click();
    await row(page, 'nginx.conf').waitFor();
    expect(await names(page)).toEqual(expect.arrayContaining(['etc', 'nginx', 'nginx.conf', 'mime.types']));
    expect(await row(page, 'nginx.conf').getAttribute('aria-level')).toBe('3');
    expect(await row(page, 'nginx.conf').locator('.size, .badges').allInnerTexts()).toEqual(['34 B', '5']);
    await eventually(() => pathOf(page)).toBe('tree/etc/nginx');
    await row(page, 'etc').click();
    expect(await names(page)).not.toContain('nginx');
    expect(await page.title()).toContain(reference);
  });

  it('lists the images of the cache', async () => {
    const page = await newPage();
    const image = { digest: 'sha256:0', platform: OTHER, layers: 1, indexedLayers: 1, lastUsed: '' };
    const images = [
      { ...image, reference },
      { ...image, reference: 'docker.io/library/a:<b>', layers: 3 },
    ];
    await page.route(/\/api\/v1\/images$/, (route) => route.fulfill({ json: images }));
    await page.goto(server.origin);
    await page.getByText('docker.io/library/a:<b>').waitFor();
    expect(await page.locator('.cached .faint').allInnerTexts()).toEqual([
      `${OTHER} · ready, 1 layer`,
      `${OTHER} · 1 of 3 layers indexed`,
    ]);
    await page.getByRole('link', { name: reference }).click();
    await row(page, 'etc').waitFor();
    expect(page.url()).toBe(`${server.origin}/i/${reference}/~/tree/?platform=${encodeURIComponent(OTHER)}`);
  });

  it('is used by the keyboard alone', async () => {
    const page = await newPage();
    await page.goto(server.origin);
    await page.locator('#start-image:focus').waitFor();
    await page.keyboard.type(reference);
    await page.keyboard.press('Enter');
    await row(page, 'etc').waitFor();
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
      return active(page);
    };
    expect(await active(page)).toBe('bin');
    expect(await press('ArrowDown', 'Home', 'e', 't')).toBe('etc');
    await press('ArrowRight');
    await row(page, 'hostname').waitFor();
    expect(await press('ArrowRight')).toBe('hostname');
    expect(await press('n')).toBe('nginx');
    expect(await press('ArrowLeft')).toBe('etc');
    expect(await press('End')).toBe('var');
    expect(await press('Home')).toBe('bin');
    expect(await press('p')).toBe('passwd');
    expect(await press('ArrowUp')).toBe('os-release');
    await eventually(() => pathOf(page)).toBe('tree/etc/os-release');
    await press('Enter');
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.role);
    await eventually(focused).toBe('file-pane');
    await press('Escape');
    expect(await focused()).toBe('tree');
    await press('?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    await press('Escape');
    await page.getByRole('heading', { name: 'Keys' }).waitFor({ state: 'detached' });
    await press('/');
    expect(await focused()).toBe('find');
    await page.keyboard.type('*.conf');
    await press('Enter');
    await eventually(() => page.url()).toContain('/~/find/etc/os-release?find=*.conf');
    await eventually(focused).toBe('main-pane');
  });

  it('keeps the chosen entry in another order, and keys continue from there', async () => {
    const page = await open('/tree/etc/passwd');
    await eventually(() => active(page)).toBe('passwd');
    const names = () => page.locator('.row .name bdi').allInnerTexts();
    const before = await names();
    await page.getByRole('button', { name: 'Size' }).click();
    await eventually(async () => (await names()).join()).not.toBe(before.join());
    await eventually(() => active(page)).toBe('passwd');
    const at = (await names()).indexOf('passwd');
    await page.locator('[role=tree]').press('ArrowDown');
    await eventually(() => active(page)).toBe((await names())[at + 1]);
  });

  it('follows a link into a directory of 100,000 entries, and keeps few rows', async () => {
    const page = await open('/tree/srv/many/file-009000.txt');
    await eventually(() => active(page)).toBe('file-009000.txt');
    expect(await row(page, 'file-009000.txt').isVisible()).toBe(true);
    await page.evaluate(() => {
      const tree = document.querySelector('[role=tree]')!;
      const counts: number[] = [];
      new MutationObserver(() => counts.push(tree.childElementCount)).observe(tree, { childList: true });
      Object.assign(window, { rowCounts: counts });
    });
    const scroller = page.locator('.tree-scroller');
    for (let i = 0; i < 5; i++) {
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight / 3));
      await scroller.hover();
      await page.mouse.wheel(0, 900);
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await page.waitForTimeout(60);
    }
    await page.keyboard.press('End');
    // Whenever rows came or went
    const counts = (await page.evaluate('rowCounts')) as number[];
    expect(counts.length).toBeGreaterThan(10);
    expect(Math.max(...counts)).toBeLessThanOrEqual(ROWS_MAX);
    expect(Math.min(...counts)).toBeGreaterThan(20);
    const loaded = () => scroller.evaluate((element) => element.scrollHeight / 26);
    expect(await loaded()).toBeGreaterThan(12_000);
    expect(await loaded()).toBeLessThan(MANY);
  });

  it('goes back and forward', async () => {
    const page = await open('/tree/etc/nginx/nginx.conf');
    await eventually(() => active(page)).toBe('nginx.conf');
    await row(page, 'mime.types').click();
    await row(page, 'passwd').click();
    await page.getByRole('link', { name: 'Treemap' }).click();
    expect(pathOf(page)).toBe('treemap/etc/passwd');
    await page.goBack();
    await eventually(() => active(page)).toBe('passwd');
    await page.goBack();
    await eventually(() => active(page)).toBe('mime.types');
    await page.goBack();
    await eventually(() => active(page)).toBe('nginx.conf');
    await page.goForward();
    await eventually(() => active(page)).toBe('mime.types');
    await page.goBack();
    await page.reload();
    await eventually(() => active(page)).toBe('nginx.conf');
  });

  it("strikes out in one layer's tree what the layer deletes", async () => {
    const page = await open('/tree/etc/nginx?layer=5');
    await row(page, 'nginx.conf').waitFor();
    expect(await names(page)).not.toContain('nginx.conf.default');
    await page.getByRole('checkbox', { name: 'deleted' }).check();
    await row(page, 'nginx.conf.default').waitFor();
    expect(await row(page, 'nginx.conf.default').locator('s').count()).toBe(1);
    expect(await row(page, 'nginx.conf.default').locator('.badge').allInnerTexts()).toEqual(['2', '✗5']);
    expect(page.url()).toMatch(/layer=5&deleted=1/);
  });

  it('changes the platform', async () => {
    const page = await open('/tree/usr/lib');
    await row(page, 'libc.so.6').waitFor();
    expect(await page.locator('.layer:not(.merged)').count()).toBe(5);
    await page.getByLabel('Platform').selectOption(OTHER);
    await eventually(() => page.locator('.layer:not(.merged)').count()).toBe(1);
    await eventually(() => names(page)).toEqual(expect.arrayContaining(['lib', 'libc.so.6']));
    expect(await names(page)).not.toContain('srv');
    expect(page.url()).toContain(`platform=${encodeURIComponent(OTHER)}`);
  });

  it("shows one layer's tree, and the merged one again", async () => {
    const page = await open('/tree/etc/nginx');
    await row(page, 'mime.types').waitFor();
    const layer = page.getByRole('button', { name: /apk add/ });
    expect(await layer.innerText()).toMatch(/^2\n2.5 MiB\nRUN set -x .*\n11 entries/s);
    await layer.click();
    await eventually(() => names(page)).toContain('nginx.conf.default');
    expect(await names(page)).toEqual(expect.not.arrayContaining(['hostname', 'srv', 'bin']));
    expect(await layer.getAttribute('aria-pressed')).toBe('true');
    expect(page.url()).toContain('layer=2');
    await layer.click();
    await eventually(() => names(page)).toContain('srv');
    expect(page.url()).not.toContain('layer=');
  });

  it('reports a path that is not there, beside what is', async () => {
    const page = await open('/tree/etc/nginx/gone.conf');
    await expect
      .poll(() => page.getByRole('status').allInnerTexts())
      .toContain('Not in this tree: /etc/nginx/gone.conf');
    expect(await active(page)).toBe('nginx');
    await page.getByText('No layer of the image has such an entry.').waitFor();
  });

  it('shows hostile names as text, each in its row', async () => {
    const page = await open('/tree/srv/strange');
    await row(page, HOSTILE_NAMES.markup).waitFor();
    const shown = (await names(page)).join('\n');
    expect(shown).toContain('bell\\x07 line\\x0Abreak \\x1B[31mred');
    expect(shown).toContain('invoice\\xE2\\x80\\xAEfdp.exe');
    expect(shown).toContain('latin-\\xE9.txt');
    expect(shown).toContain(HOSTILE_NAMES.long);
    expect(await page.locator('[role=tree] img').count()).toBe(0);
    const boxes = await page
      .locator('[role=treeitem]')
      .evaluateAll((rows) =>
        rows.map((one) => [
          one.scrollHeight,
          one.getBoundingClientRect().height,
          one.scrollWidth - one.clientWidth,
        ]),
      );
    expect(new Set(boxes.map(String))).toEqual(new Set(['26,26,0']));
    await row(page, 'latin-\\xE9.txt').click();
    await eventually(() => page.url()).toContain('/srv/strange/latin-%E9.txt');
    await page.reload();
    await eventually(() => active(page)).toBe('latin-\\xE9.txt');
  });

  it('strikes out deleted entries, and names the layer that hides them', async () => {
    const page = await newPage();
    const asked: string[] = [];
    await page.route(/\/api\/v1\/tree\?/, async (route) => {
      const { searchParams } = new URL(route.request().url());
      asked.push(`${searchParams.get('deleted')} ${searchParams.get('sort')}`);
      const common = { mode: '0644', uid: 0, gid: 0, mtime: 0, layerDigest: `sha256:${'0'.repeat(64)}` };
      const directory = { ...common, path: '/etc', kind: 'dir', size: 0, state: 'live', layer: 1 };
      const file = { ...common, path: '/gone', kind: 'file', size: 3_000_000, state: 'deleted', layer: 1 };
      const entries = [
        { ...directory, bytes: 5 * 1024 ** 2, entries: 7, layers: [1, 2, 3, 4, 5, 12] },
        { ...file, hiddenBy: 5, how: 'whiteout' },
      ];
      await route.fulfill({ json: { digest: 'sha256:0', entries } });
    });
    await page.goto(`${server.origin}/i/${reference}/~/tree/`);
    await row(page, 'gone').waitFor();
    await page
      .getByRole('treeitem', { name: 'gone 2.9 MiB layer 1 deleted by layer ✗5', exact: true })
      .waitFor();
    await page.getByRole('treeitem', { name: /^etc directory 5\.0 MiB layers \+3 4 5 12$/ }).waitFor();
    await page.getByRole('checkbox', { name: 'deleted' }).check();
    await page.getByRole('button', { name: 'Size' }).click();
    await eventually(() => asked).toEqual(['null null', '1 null', '1 size']);
    expect(page.url()).toMatch(/deleted=1&sort=size/);
    expect(await row(page, 'gone').locator('s').innerText()).toBe('gone');
    expect(await row(page, 'gone').locator('.badge').allInnerTexts()).toEqual(['1', '✗5']);
    await page.getByRole('treeitem', { name: /^gone 2\.9 MiB layer 1 deleted by layer ✗5$/ }).waitFor();
    await page.getByRole('treeitem', { name: /^etc directory 5\.0 MiB layers/ }).waitFor();
    expect(await row(page, 'etc').locator('.size').innerText()).toBe('5.0 MiB');
    expect(await row(page, 'etc').locator('.badge:visible').allInnerTexts()).toEqual(['+3', '4', '5', '12']);
    await row(page, 'gone').click();
    expect(page.url()).toMatch(/\/tree\/gone\?.*file=history/);
    // Only the listing is made up.
    await page.getByText('No layer of the image has such an entry.').waitFor();
  });

  it('shows how far layers are indexed', async () => {
    const page = await newPage();
    await page.route(/\/api\/v1\/image\?/, async (route) => {
      const response = await route.fetch();
      const image = (await response.json()) as { layers: object[] };
      const layers = image.layers.map((layer) => ({ ...layer, indexed: false, entries: undefined }));
      await route.fulfill({ json: { ...image, layers } });
    });
    const layers = [
      { layer: 1, state: 'done', doneBytes: 50, totalBytes: 50 },
      { layer: 2, state: 'indexing', doneBytes: 63, totalBytes: 100 },
    ].map((layer) => ({ ...layer, digest: 'sha256:0' }));
    const events = `event: progress\ndata: ${JSON.stringify({ queued: false, layers })}\n\n`;
    let streams = 0;
    await page.route(/\/api\/v1\/events\?/, async (route) => {
      // Streams end early and bring nothing new, as when the server goes away. The last one stays.
      if (++streams > 4) return;
      const body = streams === 1 ? events : '';
      await route.fulfill({ contentType: 'text/event-stream', body });
    });
    const states: string[] = [];
    await page.exposeFunction('saw', (text: string) => states.push(text));
    await page.addInitScript(() => {
      const report = () => {
        const { saw } = globalThis as unknown as { saw: (text: string) => void };
        for (const one of document.querySelectorAll<HTMLElement>('.layer')) saw(one.innerText);
      };
      new MutationObserver(report).observe(document, { childList: true, subtree: true, characterData: true });
    });
    await page.goto(`${server.origin}/i/${reference}/~/tree/`);
    await page.getByRole('alert').getByText('NETWORK').waitFor();
    await eventually(() => states.join(' ')).toMatch(/1 of 5 indexed.*63 %.*waits/s);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.getByText('waits').first().waitFor();
  });

  it('says what is wrong with an image, and asks for a token', async () => {
    browser.expectFault(/400 .*Wrong::Name/);
    browser.expectFault(/401 /);
    const page = await newPage();
    await page.goto(`${server.origin}/i/Wrong::Name/~/tree/`);
    await page.getByText('INVALID_REFERENCE').waitFor();
    await page.getByText('A reference is').waitFor();
    await page.getByLabel('Image', { exact: true }).fill(reference);
    await page.route(/\/api\/v1\//, async (route) => {
      const isRight = route.request().headers().authorization === 'Bearer right';
      if (isRight) return route.continue();
      return route.fulfill({ status: 401, json: { error: { code: 'TOKEN_REQUIRED', message: 'bring it' } } });
    });
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Token' }).fill('right');
    await page.keyboard.press('Enter');
    await row(page, 'etc').waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('shows one pane at a time at 400 px', async () => {
    const page = await open('/tree/etc', { viewport: { width: 400, height: 720 } });
    await eventually(() => active(page)).toBe('etc');
    const visible = () => visiblePanes(page);
    expect(await visible()).toEqual(['Image']);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
    await row(page, 'passwd').click();
    expect(await visible()).toEqual(['Entry']);
    await page.getByRole('button', { name: 'Layers', exact: true }).click();
    expect(await visible()).toEqual(['Layers']);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
    await page.getByRole('button', { name: /apk add/ }).click();
    expect(await visible()).toEqual(['Image']);
    await page.getByText('has no such entry').waitFor({ state: 'attached' });
  });

  it('resizes panes by keys, and keeps their widths', async () => {
    const page = await open('/tree/etc');
    const width = async () => (await page.getByLabel('Layers', { exact: true }).boundingBox())!.width;
    const before = await width();
    await page.getByLabel('Width of the layers').press('ArrowRight');
    expect(await width()).toBeCloseTo(before + 24, 0);
    await page.reload();
    await page.getByLabel('Width of the layers').waitFor();
    expect(await width()).toBeCloseTo(before + 24, 0);
  });
});
