import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, Workplace } from '../support/mounts.js';
import { HOSTILE_NAMES, MANY, writeExplorerImage } from './explorer-image.js';

/** How long a page may take for anything, on a machine that has much to do. */
const PAGE_MS = 8_000;

const CHROMIUM = '/usr/bin/chromium';

/** Rows of a tree that may be in the page. */
const ROWS_MAX = 300;

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(!existsSync(CHROMIUM))('the explorer', { timeout: 20_000 }, () => {
  let workplace: Workplace;
  let server: ChildProcess;
  let origin: string;
  let browser: Browser;
  let reference: string;
  /** Faults that pages reported: none of any test may. */
  const faults: string[] = [];
  const pages: Page[] = [];

  beforeAll(async () => {
    workplace = new Workplace();
    reference = writeExplorerImage(join(workplace.scratch, 'image'));
    const [command = '', ...first] = builtCommand();
    server = spawn(command, [...first, 'serve', '--port', '0', reference], {
      env: workplace.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    origin = await addressOf(server);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });

  afterEach(async () => {
    for (const page of pages.splice(0)) {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await page.context().close();
    }
    expect(faults.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    server?.kill('SIGTERM');
    await workplace?.cleanUp();
  });

  async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1300, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PAGE_MS);
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) faults.push(message.text());
    });
    pages.push(page);
    return page;
  }

  /** Opens a view of the image. @param place behind the reference: `/tree/etc?layer=2` */
  async function open(place = '/tree/', options: BrowserContextOptions = {}): Promise<Page> {
    const page = await newPage(options);
    await page.goto(`${origin}/i/${reference}/~${place}`);
    return page;
  }

  const pathOf = (page: Page) => decodeURIComponent(new URL(page.url()).pathname).split('/~/')[1];

  it('opens an image that was typed, and unfolds it by clicks', async () => {
    const page = await newPage();
    await page.goto(origin);
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
    const image = { digest: 'sha256:0', platform: 'linux/arm64', layers: 1, indexedLayers: 1, lastUsed: '' };
    const images = [
      { ...image, reference },
      { ...image, reference: 'docker.io/library/a:<b>', layers: 3 },
    ];
    await page.route(/\/api\/v1\/images$/, (route) => route.fulfill({ json: images }));
    await page.goto(origin);
    await page.getByText('docker.io/library/a:<b>').waitFor();
    expect(await page.locator('.cached .faint').allInnerTexts()).toEqual([
      'linux/arm64 · ready, 1 layer',
      'linux/arm64 · 1 of 3 layers indexed',
    ]);
    await page.getByRole('link', { name: reference }).click();
    await row(page, 'etc').waitFor();
    expect(page.url()).toBe(`${origin}/i/${reference}/~/tree/?platform=linux%2Farm64`);
  });

  it('is used by the keyboard alone', async () => {
    const page = await newPage();
    await page.goto(origin);
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
    const counts: number[] = [];
    const scroller = page.locator('.tree-scroller');
    const countRows = async () => counts.push(await page.locator('[role=tree] > *').count());
    for (let i = 0; i < 5; i++) {
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight / 3));
      await countRows();
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await page.waitForTimeout(60);
      await countRows();
    }
    await page.keyboard.press('End');
    await countRows();
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

  it('changes the platform', async () => {
    const page = await open('/tree/usr/lib');
    await row(page, 'libc.so.6').waitFor();
    expect(await page.locator('.layer:not(.merged)').count()).toBe(5);
    await page.getByLabel('Platform').selectOption('linux/arm64');
    await eventually(() => page.locator('.layer:not(.merged)').count()).toBe(1);
    await eventually(() => names(page)).toEqual(expect.arrayContaining(['lib', 'libc.so.6']));
    expect(await names(page)).not.toContain('srv');
    expect(page.url()).toContain('platform=linux%2Farm64');
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
    await page.goto(`${origin}/i/${reference}/~/tree/`);
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
    await page.goto(`${origin}/i/${reference}/~/tree/`);
    await page.getByRole('alert').getByText('NETWORK').waitFor();
    await eventually(() => states.join(' ')).toMatch(/1 of 5 indexed.*63 %.*waits/s);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.getByText('waits').first().waitFor();
  });

  it('says what is wrong with an image, and asks for a token', async () => {
    const page = await newPage();
    await page.goto(`${origin}/i/Wrong::Name/~/tree/`);
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
    const visible = () =>
      page
        .locator('.pane')
        .evaluateAll((panes) =>
          panes.filter((one) => (one as HTMLElement).offsetParent !== null).map((one) => one.ariaLabel),
        );
    expect(await visible()).toEqual(['Image']);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
    await row(page, 'passwd').click();
    expect(await visible()).toEqual(['Entry']);
    await page.getByRole('button', { name: 'Layers', exact: true }).click();
    expect(await visible()).toEqual(['Layers']);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(400);
    await page.getByRole('button', { name: /apk add/ }).click();
    expect(await visible()).toEqual(['Image']);
  });

  it.each(['light', 'dark'] as const)('has no serious fault for axe-core: %s', async (colorScheme) => {
    const page = await newPage({ colorScheme: colorScheme === 'light' ? 'dark' : 'light' });
    await page.goto(origin);
    await page.evaluate((theme) => localStorage.setItem('layerslayer.theme', theme), colorScheme);
    await page.reload();
    expect(await seriousFaults(page), 'start').toEqual([]);
    await page.goto(`${origin}/i/${reference}/~/tree/srv/strange?layer=4`);
    await row(page, HOSTILE_NAMES.markup).waitFor();
    expect(await seriousFaults(page), 'tree').toEqual([]);
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    expect(await seriousFaults(page), 'help').toEqual([]);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(ground).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(18, 22, 28)');
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

/** What the page shows in the end. */
function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: PAGE_MS });
}

function addressOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    server.stdout!.on('data', (chunk) => {
      text += chunk;
      const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (origin) resolve(origin);
    });
    server.once('exit', (status) => reject(new Error(`serve ended with ${status}`)));
  });
}

/** The row of an entry, by its name. */
function row(page: Page, name: string) {
  return page.locator('[role=treeitem]').filter({ has: page.locator('bdi', { hasText: exactly(name) }) });
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}

function names(page: Page): Promise<string[]> {
  return page.locator('[role=treeitem] bdi').allTextContents();
}

/** The name of the row that aria-activedescendant refers to. */
function active(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const id = document.querySelector('[role=tree]')?.getAttribute('aria-activedescendant');
    const row = id && document.getElementById(id);
    return row ? (row.querySelector('bdi')?.textContent ?? undefined) : undefined;
  });
}

/** Returns what axe-core finds that keeps people from using the page. */
async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(AXE); // a script element would be against the page's policy
  const source = `axe.run().then(({ violations }) => violations)`;
  const violations = (await page.evaluate(source)) as {
    id: string;
    impact: string;
    nodes: { html: string; failureSummary: string }[];
  }[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
