/** How each view looks, in both themes, on a desktop and on a phone. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Workplace } from '../support/mounts.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { accessibilityFaults, overflows, pictureFacts } from './browser/page-faults.js';
import { type ServedExplorer, serveExplorer } from './browser/served-explorer.js';
import { HAS_CHROMIUM, TestBrowser } from './browser/test-browser.js';
import { pushSourceImage } from './source/source-image.js';

interface View {
  name: string;
  place: (repository: string) => string; // path of the URL
  ready: string; // a selector of what comes last
  isPictured?: boolean;
  act?: (page: Page) => Promise<unknown>; // after it is ready
}

const at = (place: string) => (repository: string) => `/i/${repository}:1/~/${place}`;

const VIEWS: readonly View[] = [
  { name: 'tree', place: at('tree/srv/www/start.sh?deleted=1'), ready: '.hl-keyword', isPictured: true },
  {
    name: 'hex',
    place: at('tree/srv/www/sales.bin?file=hex'),
    ready: '.hex-ascii:not(:empty)',
    isPictured: true,
  },
  {
    name: 'history',
    place: at('tree/etc/nginx/nginx.conf?file=history&layer=2'),
    ready: '.version',
    isPictured: true,
  },
  {
    name: 'hidden',
    place: at('hidden/var/cache/apk/index.tar'),
    ready: '.hidden-view .virtual-row',
    isPictured: true,
  },
  { name: 'treemap', place: at('treemap/'), ready: '.treemap-inner', isPictured: true },
  {
    name: 'compare',
    place: (repository) => at(`compare/srv/www/index.html?other=${repository}:2`)(repository),
    ready: '.virtual-row button',
    isPictured: true,
    act: async (page) => {
      await page.locator('.virtual-row button').first().click();
      await page.locator('.diff-line.added').waitFor();
    },
  },
  { name: 'find', place: at('find/?find=*.conf'), ready: '.virtual-row' },
  { name: 'strange names', place: at('tree/srv/strange'), ready: '.row:has-text("<img")' },
  { name: 'picture', place: at('tree/srv/www/logo.svg'), ready: 'figcaption' },
  { name: 'help', place: at('tree/etc'), ready: '.row.active', act: (page) => page.keyboard.press('?') },
  { name: 'absent', place: at('tree/nothing'), ready: '.entry-header [role=status]' },
  { name: 'fault', place: at('find/?find=*&size=abc'), ready: '.fault' },
  { name: 'start', place: () => '/', ready: '.cached a' }, // the image is in the cache by now
];

/** CSS pixels */
const [DESKTOP, PHONE] = [1300, 400];

/** Edges of letters alone have more colours. */
const COLORS_MIN = 100;

/** Where screenshots are kept; default: they are deleted. */
const { LAYERSLAYER_SCREENSHOTS: KEPT } = process.env;

describe.skipIf(!HAS_CHROMIUM)('the looks of the explorer', { timeout: 60_000 }, () => {
  let workplace: Workplace;
  let registry: TestRegistry;
  let server: ServedExplorer;
  let browser: TestBrowser;
  let repository: string;
  let pictures: string; // directory

  beforeAll(async () => {
    workplace = new Workplace();
    pictures = KEPT ?? join(workplace.scratch, 'screenshots');
    mkdirSync(pictures, { recursive: true });
    registry = await startRegistry();
    repository = await pushSourceImage(registry);
    server = await serveExplorer(workplace, [`${repository}:1`]);
    browser = await TestBrowser.start();
  });

  afterEach(async () => {
    expect(await browser.closePages()).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await registry?.stop();
    await workplace?.cleanUp();
  });

  async function show(page: Page, { place, ready, act }: View): Promise<void> {
    const path = place(repository);
    await page.goto(server.origin + path);
    // A phone shows one pane; the entry is another one than the list.
    const isEntry = page.viewportSize()!.width === PHONE && /~\/tree\/./.test(path) && !act;
    if (isEntry && !ready.startsWith('.row')) await page.getByRole('button', { name: 'Entry' }).click();
    await page.locator(ready).first().waitFor();
    await act?.(page);
    await page.waitForFunction(() => {
      const bytes = document.querySelector<HTMLElement>('.hex-ascii')?.innerText;
      return bytes !== '' && !/Loading|Reading the tree|^…$/m.test(document.body.innerText);
    });
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }

  async function faultsOf(page: Page, name: string): Promise<string[]> {
    const faults = [...(await accessibilityFaults(page)), ...(await overflows(page))];
    return faults.map((fault) => `${name}: ${fault}`);
  }

  describe.each(['light', 'dark'] as const)('in %s', (theme) => {
    /** Chosen on the page, against what the browser wishes. */
    async function themedPage(width: number): Promise<Page> {
      const colorScheme = theme === 'light' ? 'dark' : 'light';
      const page = await browser.newPage(server.origin, { colorScheme, viewport: { width, height: 800 } });
      await page.addInitScript((chosen) => localStorage.setItem('layerslayer.theme', chosen), theme);
      return page;
    }

    it.each([DESKTOP, PHONE])('no view has a fault at %i pixels', async (width) => {
      browser.expectFault(/400 .*size=abc/);
      const page = await themedPage(width);
      const faults: string[] = [];
      for (const view of VIEWS) {
        await show(page, view);
        if (width === DESKTOP && view.isPictured) await takePicture(page, `${view.name}-${theme}`);
        faults.push(...(await faultsOf(page, view.name)));
      }
      expect(faults).toEqual([]);
    });

    /** A screenshot is no blank page, and has the colours of the theme. */
    async function takePicture(page: Page, name: string): Promise<void> {
      const png = await page.screenshot();
      writeFileSync(join(pictures, `${name}.png`), png);
      const { colors, brightness } = await pictureFacts(page, png);
      expect(colors, name).toBeGreaterThan(COLORS_MIN);
      if (theme === 'light') expect(brightness, name).toBeGreaterThan(200);
      else expect(brightness, name).toBeLessThan(60);
    }

    it.each([DESKTOP, PHONE])('the dialog for the token has no fault at %i pixels', async (width) => {
      browser.expectFault(/401 /);
      const page = await themedPage(width);
      const json = { error: { code: 'TOKEN_REQUIRED', message: 'a token is needed' } };
      await page.route(/\/api\/v1\//, (route) => route.fulfill({ status: 401, json }));
      await page.goto(server.origin);
      await page.getByRole('textbox', { name: 'Token' }).waitFor();
      expect(await faultsOf(page, 'token')).toEqual([]);
    });
  });

  it('the checks report a text over its edge, one that is cut off, and one without contrast', async () => {
    const page = await browser.newPage(server.origin);
    await page.setContent(`<!doctype html><html lang="en"><title>t</title><main><h1>Names</h1>
      <p style="width: 40px">incomprehensible</p>
      <div style="width: 40px; overflow: hidden"><div><b style="display: block; width: 90px">b</b></div></div>
      <div style="width: 40px; overflow: auto"><div><b style="display: block; width: 90px">b</b></div></div>
      <p style="color: #ccc; background: #fff">faint</p></main>`);
    expect(await overflows(page)).toEqual([
      expect.stringMatching(/^\d+ pixels over: <p style="width: 40px">/),
      expect.stringMatching(/^50 pixels over: <div><b/),
    ]);
    expect(await accessibilityFaults(page)).toEqual([expect.stringMatching(/^color-contrast: <p/)]);
  });

  it('there is a screenshot of six views in both themes', () => {
    expect(readdirSync(pictures).length).toBeGreaterThanOrEqual(12);
  });
});
