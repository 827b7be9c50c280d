/** Tasks of users, on an image of a real registry. The image's source says what is right. */
import { readFileSync } from 'node:fs';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatPlatform } from '#src/oci/platform.js';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { type ServedExplorer, serveExplorer } from './browser/served-explorer.js';
import { HAS_CHROMIUM, TestBrowser } from './browser/test-browser.js';
import { active, eventually, names, pathOf, row, visiblePanes } from './browser/tree-page.js';
import { OTHER_PLATFORM } from './source/platforms.js';
import { FOREIGN, LAYERS, NEXT, PATH_OF_NEXT, pushSourceImage, SOURCE } from './source/source-image.js';
import { sizeOf } from './source/source-tree.js';

const CONF = 'etc/nginx/nginx.conf';

/** Bytes of a row of the hex view in a narrow pane. */
const HEX_ROW = 8;

/** A mark of direction is shown as its bytes. */
const shown = (name: string) => name.replace('\u202e', '\\xE2\\x80\\xAE');

describe.skipIf(!HAS_CHROMIUM)('the explorer on a registry', { timeout: 20_000 }, () => {
  let workplace: Workplace;
  let registry: TestRegistry;
  let server: ServedExplorer;
  let browser: TestBrowser;
  let repository: string;

  beforeAll(async () => {
    workplace = new Workplace();
    registry = await startRegistry();
    repository = await pushSourceImage(registry);
    server = await serveExplorer(workplace, []);
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

  const newPage = (options: BrowserContextOptions = {}) => browser.newPage(server.origin, options);

  /** Opens a view of version 1. @param place behind the reference: `/tree/etc?layer=2` */
  async function open(place: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await newPage(options);
    await page.goto(`${server.origin}/i/${repository}:1/~${place}`);
    return page;
  }

  const entry = (page: Page) => page.getByLabel('Entry', { exact: true });
  const content = (page: Page) => page.getByLabel('Content of the file');

  /** The lines of the file that the page shows, without their numbers. */
  const linesShown = (page: Page) => content(page).locator('.code').allTextContents();
  const linesOf = (text: string) => text.replace(/\n$/, '').split('\n');

  /** The paths that a list of links has. */
  const linksIn = (list: Locator) => list.locator('.virtual-row .path-link').allTextContents();
  const absolute = (paths: readonly string[]) => paths.map((path) => `/${path}`);

  it('opens an image that no cache has, expands it, and reads a file', async () => {
    const page = await newPage();
    await page.goto(server.origin);
    await page.getByLabel('Image', { exact: true }).fill(`${repository}:1`);
    await page.getByRole('button', { name: 'Open' }).click();
    await row(page, 'etc').waitFor();
    expect(await names(page)).toEqual(SOURCE.names(''));
    expect(await row(page, 'usr').locator('.size').innerText()).toBe(sizeOf(SOURCE.size('usr')));
    await row(page, 'etc').click();
    await row(page, 'nginx').click();
    await row(page, 'nginx.conf').click();
    const [before, after] = [SOURCE.names('').slice(0, 2), SOURCE.names('').slice(2)];
    expect(before[1]).toBe('etc');
    const etc = SOURCE.names('etc').flatMap((name) =>
      name === 'nginx' ? [name, ...SOURCE.names('etc/nginx')] : [name],
    );
    expect(await names(page)).toEqual([...before, ...etc, ...after]);
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text(CONF)));
    const { bytes, layer } = SOURCE.files.get(CONF)!;
    const facts = await entry(page).locator('.entry-facts').innerText();
    expect(facts).toContain(sizeOf(bytes.length));
    expect(facts).toMatch(new RegExp(`layer\\s+${layer}$`));
    expect(await entry(page).locator('.entry-step').first().innerText()).toContain(
      'rm -rf /var/cache/apk/index.tar /tmp/build',
    );
  });

  it('shows an image that is indexed without asking for progress', async () => {
    const first = await open('/tree/');
    await row(first, 'etc').waitFor();
    const page = await newPage();
    await page.route(/\/api\/v1\/events/, () => {}); // never answers
    await page.goto(`${server.origin}/i/${repository}:1/~/tree/`);
    await row(page, 'etc').waitFor();
    expect(await names(page)).toEqual(SOURCE.names(''));
  });

  it('shows the bytes of a file at any offset', async () => {
    const page = await open('/tree/srv/www/sales.bin');
    const bytes = page.getByLabel('Bytes');
    const sales = SOURCE.bytes('srv/www/sales.bin');
    const offset = 0x10010;
    for (const at of [0, offset]) {
      if (at > 0) {
        await page.getByLabel('Go to offset').fill(`0x${at.toString(16)}`);
        await page.keyboard.press('Enter');
      }
      const shown = bytes.locator('.virtual-row').filter({ hasText: at.toString(16).padStart(8, '0') });
      const hex = sales.subarray(at, at + HEX_ROW).toString('hex');
      await eventually(() => shown.locator('.hex-bytes').innerText()).toBe(hex.match(/../g)!.join(' '));
      const ascii = sales.toString('latin1', at, at + HEX_ROW).replace(/[^ -~]/g, '.');
      expect(await shown.locator('.hex-ascii').textContent()).toBe(ascii);
    }
  });

  it('shows the versions of a file, and opens one', async () => {
    const page = await open(`/tree/${CONF}`);
    await entry(page).getByRole('link', { name: 'History' }).click();
    const versions = page.locator('.version');
    await versions.first().waitFor();
    const shown = await versions.evaluateAll((all) =>
      all.map((one) => {
        const [change, layer] = ['.change', '.badge'].map((part) => one.querySelector(part)!.textContent!);
        return `${change!.slice(2)} ${layer}`;
      }),
    );
    expect(shown).toEqual(SOURCE.history(CONF));
    await versions.last().getByRole('link', { name: 'open this version' }).click();
    await eventually(() => linesShown(page)).toEqual(linesOf(String(LAYERS[1]!.files[CONF])));
    expect(page.url()).toContain('layer=2');
  });

  it('finds files, and reads one that was found', async () => {
    const page = await open('/tree/');
    await page.getByLabel('Find files').fill('*.conf');
    await page.keyboard.press('Enter');
    const found = page.getByLabel('Found entries');
    await eventually(async () => (await linksIn(found)).sort()).toEqual(absolute(SOURCE.endingWith('.conf')));
    await found.getByRole('link', { name: '/etc/nginx/conf.d/default.conf' }).click();
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text('etc/nginx/conf.d/default.conf')));
    expect(await found.isVisible()).toBe(true);
    await page.getByLabel('only deleted').check();
    await page.getByLabel('Kind').selectOption('file');
    await page.getByLabel('Name or path').fill('*');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    const hidden = SOURCE.hidden.map(({ path }) => path).sort();
    await eventually(async () => (await linksIn(found)).sort()).toEqual(absolute(hidden));
  });

  it('finds the largest deleted file, its layer and the step that deleted it', async () => {
    const page = await open('/tree/');
    await page.getByRole('link', { name: 'Hidden' }).click();
    const largest = SOURCE.hidden.toSorted((a, b) => b.bytes.length - a.bytes.length);
    const list = page.getByLabel('Hidden paths');
    await eventually(() => linksIn(list)).toEqual(absolute(largest.map(({ path }) => path)));
    const sum = largest.reduce((total, { bytes }) => total + bytes.length, 0);
    await page.getByText(`${sizeOf(sum)} of `).waitFor();
    const first = list.locator('.virtual-row').first();
    expect((await first.innerText()).split(/\s+/)).toEqual([
      '3.0',
      'MiB',
      '1',
      '✗4',
      '/var/cache/apk/',
      'index.tar',
    ]);
    const groups = page.locator('.hidden-group');
    expect(await groups.first().innerText()).toMatch(/^3\.0 MiB.*removed by RUN rm -rf \/var\/cache\/apk/s);
    await first.getByRole('link').click();
    await entry(page).getByRole('heading', { name: '/var/cache/apk/index.tar' }).waitFor();
    await eventually(() => entry(page).innerText()).toMatch(/Deleted by layer.*4.*RUN rm -rf \/var\/cache/s);
  });

  it('shows deleted files in the tree, and reads one', async () => {
    const page = await open('/tree/etc/nginx');
    await row(page, 'nginx.conf').waitFor();
    expect(await names(page)).not.toContain('scgi.conf');
    await page.getByRole('checkbox', { name: 'deleted' }).check();
    const gone = row(page, 'scgi.conf');
    await gone.waitFor();
    expect(await gone.locator('s').count()).toBe(1);
    expect(await gone.locator('.badge').allInnerTexts()).toEqual(['2', '✗4']);
    await gone.click();
    await entry(page).getByRole('link', { name: 'Text' }).click();
    await eventually(() => linesShown(page)).toEqual(
      linesOf(String(LAYERS[1]!.files['etc/nginx/scgi.conf'])),
    );
  });

  it('adds up the bytes of directories as a treemap', async () => {
    const page = await open('/treemap/');
    const table = page.getByRole('table');
    const sizes = SOURCE.names('').map((name) => [`${name}/`, SOURCE.size(name)] as const);
    const largest = sizes.sort(([, a], [, b]) => b - a);
    const read = () =>
      table
        .locator('tbody tr')
        .evaluateAll((rows) =>
          rows.map((one) => [...one.querySelectorAll('th, td')].slice(0, 2).map((cell) => cell.textContent)),
        );
    await eventually(read).toEqual(largest.map(([name, size]) => [name, sizeOf(size)]));
    await page.getByRole('button', { name: new RegExp(`^usr\\s*, ${sizeOf(SOURCE.size('usr'))}`) }).click();
    await eventually(() => pathOf(page)).toBe('treemap/usr');
    await page.getByRole('button', { name: /^lib/ }).waitFor();
  });

  it('compares with another version, down to the lines of a file', async () => {
    const page = await open('/tree/');
    await page.getByRole('link', { name: 'Compare' }).click();
    await page.getByLabel('Compare with').fill(`${repository}:2`);
    await page.keyboard.press('Enter');
    const rows = page.getByLabel('Differences').locator('.virtual-row');
    const read = () =>
      rows.evaluateAll((all) =>
        all.map((one) => {
          const [sign, path] = ['.sign span', '.path-link'].map(
            (part) => one.querySelector(part)!.textContent,
          );
          return `${sign} ${path!.slice(1)}`;
        }),
      );
    const byPath = (a: string, b: string) => (a.slice(2) < b.slice(2) ? -1 : 1);
    await eventually(async () => (await read()).sort(byPath)).toEqual(SOURCE.changesTo(NEXT).map(shown));
    await page.getByText(/of config and build steps/).click();
    await page.locator('.config-differences ins').getByText(PATH_OF_NEXT).waitFor();
    const index = rows.filter({ hasText: '/srv/www/index.html' });
    await index.getByRole('button', { name: 'diff' }).click();
    const diff = page.locator('.diff-line');
    await diff.filter({ hasText: 'Open from' }).first().waitFor();
    const [from, to] = [SOURCE, NEXT].map((tree) => linesOf(tree.text('srv/www/index.html')));
    const common = (line: string) => from!.includes(line) && to!.includes(line);
    const changed = (await diff.allTextContents()).filter((line) => /^[-+](?![-+])/.test(line));
    expect(changed).toEqual([
      ...from!.filter((line) => !common(line)).map((line) => `-${line}`),
      ...to!.filter((line) => !common(line)).map((line) => `+${line}`),
    ]);
  });

  it('changes the platform, and shows what that image has', async () => {
    const page = await open('/tree/etc/hostname');
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text('etc/hostname')));
    await page.getByLabel('Platform').selectOption(formatPlatform(OTHER_PLATFORM));
    await eventually(() => linesShown(page)).toEqual(linesOf(FOREIGN.text('etc/hostname')));
    await eventually(() => names(page)).toEqual(['bin', 'etc', 'hostname']);
    expect(await page.locator('.layer:not(.merged)').count()).toBe(1);
    await page.goBack();
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text('etc/hostname')));
    expect(await page.locator('.layer:not(.merged)').count()).toBe(LAYERS.length);
  });

  it("shows one layer's files, and its version of a file", async () => {
    const page = await open(`/tree/${CONF}`);
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text(CONF)));
    await page.getByRole('button', { name: /apk add/ }).click();
    await eventually(() => linesShown(page)).toEqual(linesOf(String(LAYERS[1]!.files[CONF])));
    await eventually(() => names(page)).toEqual(expect.arrayContaining(['scgi.conf', 'tmp']));
    expect(await names(page)).toEqual(expect.not.arrayContaining(['hostname', 'srv', 'bin']));
    await page.getByRole('combobox', { name: 'Tree of' }).selectOption('layer 3');
    await eventually(async () => (await names(page))[0]).toBe('srv');
    await page.getByText(`Not in this tree: /${CONF}`).waitFor();
    await eventually(() => entry(page).innerText()).toContain('Layer 3 has no such entry.');
    await page.getByRole('combobox', { name: 'Tree of' }).selectOption('merged');
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text(CONF)));
    await eventually(() => names(page)).toEqual(expect.arrayContaining(SOURCE.names('')));
  });

  it('goes back and forward through files and views', async () => {
    const page = await open(`/tree/${CONF}`);
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text(CONF)));
    await row(page, 'mime.types').click();
    const types = linesOf(SOURCE.text('etc/nginx/mime.types'));
    await eventually(() => linesShown(page)).toEqual(types);
    await page.getByLabel('Find files').fill('*.html');
    await page.keyboard.press('Enter');
    const found = page.getByLabel('Found entries');
    const pages = absolute(SOURCE.endingWith('.html'));
    await eventually(async () => (await linksIn(found)).sort()).toEqual(pages);
    await found.getByRole('link', { name: '/srv/www/index.html' }).click();
    const index = linesOf(SOURCE.text('srv/www/index.html'));
    await eventually(() => linesShown(page)).toEqual(index);
    await page.goBack();
    await eventually(() => linesShown(page)).toEqual(types);
    expect((await linksIn(found)).sort()).toEqual(pages);
    await page.goBack();
    await eventually(() => active(page)).toBe('mime.types');
    await page.goBack();
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text(CONF)));
    for (let i = 0; i < 3; i++) await page.goForward();
    await eventually(() => linesShown(page)).toEqual(index);
    expect(pathOf(page)).toBe('find/srv/www/index.html');
  });

  it('is used without a mouse, from opening the page to reading a file and finding one', async () => {
    const page = await newPage();
    await page.addInitScript(() => {
      const report = (event: Event) => event.isTrusted && console.error(`mouse: ${event.type}`);
      for (const type of ['pointerdown', 'mousedown', 'wheel']) document.addEventListener(type, report, true);
    });
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    /** Presses Tab until an element has the focus, as a user does. */
    const tabTo = async (wanted: Locator) => {
      for (let steps = 0; steps < 60; steps++) {
        if ((await wanted.count()) > 0 && (await wanted.evaluate((one) => one === document.activeElement)))
          return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab does not reach ${wanted}`);
    };
    await page.goto(server.origin);
    await page.locator('#start-image:focus').waitFor();
    await page.keyboard.type(`${repository}:1`);
    await press('Enter');
    await row(page, 'usr').waitFor();
    await page.keyboard.type('usr');
    await eventually(() => active(page)).toBe('usr');
    await press('ArrowRight');
    await row(page, 'share').waitFor();
    await press('s', 's', 'ArrowRight');
    await row(page, 'doc').waitFor();
    await press('ArrowRight', 'ArrowRight');
    await row(page, 'changes.txt').waitFor();
    await press('ArrowRight', 'Enter');
    const changes = linesOf(SOURCE.text('usr/share/doc/changes.txt'));
    await eventually(async () => (await linesShown(page))[0]).toBe(changes[0]);
    await tabTo(content(page));
    await press('End');
    await eventually(async () => (await linesShown(page)).at(-1)).toBe(changes.at(-1));
    await press('Escape');
    expect(await active(page)).toBe('changes.txt');
    await press('/');
    await page.keyboard.type('start.*');
    await press('Enter');
    const link = page.getByLabel('Found entries').getByRole('link', { name: '/srv/www/start.sh' });
    await link.waitFor();
    await tabTo(link);
    await press('Enter');
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text('srv/www/start.sh')));
    await tabTo(entry(page).getByRole('link', { name: 'History' }));
    await press('Enter');
    await page.getByRole('heading', { name: 'Versions through the layers' }).waitFor();
    await page.goBack(); // Alt and an arrow are keys of the browser's window: there is none
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text('srv/www/start.sh')));
  });

  it('is used by touch at 400 px, without sideways scrolling', async () => {
    const page = await open('/tree/', { viewport: { width: 400, height: 720 }, hasTouch: true });
    const isNarrow = async () =>
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await row(page, 'etc').tap();
    await row(page, 'nginx').tap();
    await row(page, 'nginx.conf').tap();
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text(CONF)));
    expect(await visiblePanes(page)).toEqual(['Entry']);
    await isNarrow();
    await page.getByRole('button', { name: 'Layers', exact: true }).tap();
    await page.getByRole('button', { name: /apk add/ }).tap();
    expect(await visiblePanes(page)).toEqual(['Image']);
    await row(page, 'scgi.conf').waitFor();
    await isNarrow();
    await page.getByLabel('Find files').fill('*.html');
    await page.keyboard.press('Enter');
    const found = page.getByLabel('Found entries');
    await eventually(async () => (await linksIn(found)).sort()).toEqual(absolute(SOURCE.endingWith('.html')));
    await isNarrow();
    await found.getByRole('link', { name: '/srv/www/index.html' }).tap();
    await eventually(() => linesShown(page)).toEqual(linesOf(SOURCE.text('srv/www/index.html')));
    expect(await visiblePanes(page)).toEqual(['Entry']);
    await isNarrow();
  });

  it('shows a picture, and downloads files and directories', async () => {
    const page = await open('/tree/srv/www/logo.svg');
    await page.getByText('120 × 40 pixels').waitFor();
    const download = async (name: string) => {
      const event = page.waitForEvent('download');
      await entry(page).getByRole('button', { name }).click();
      return await (await event).path();
    };
    expect(readFileSync(await download('Download'))).toEqual(SOURCE.bytes('srv/www/logo.svg'));
    await row(page, 'www').click();
    await entry(page).getByRole('heading', { name: '/srv/www' }).waitFor();
    const tar = await download('Download tar');
    const listed = await run('tar', ['-tf', tar], {});
    const inTar = listed.stdout.split('\n').filter((path) => /\w$/.test(path));
    expect(inTar.map((path) => path.replace(/^.*\//, '')).sort()).toEqual(SOURCE.names('srv/www'));
    const { stdout } = await run('tar', ['-xOf', tar, '--wildcards', '*start.sh'], {});
    expect(stdout).toBe(SOURCE.text('srv/www/start.sh'));
  });

  it('shows names that could be markup as text', async () => {
    const page = await open('/tree/srv/strange');
    await row(page, 'srv').waitFor();
    await eventually(() => names(page)).toEqual(
      expect.arrayContaining(SOURCE.names('srv/strange').map(shown)),
    );
    await page.getByRole('treeitem', { name: /^<img/ }).click();
    await eventually(() => linesShown(page)).toEqual(['<script>document.title = "changed"</script>']);
    expect(await page.title()).toContain('<img src=x onerror=alert(1)>');
    expect(await page.locator('[role=tree] img, .file img').count()).toBe(0);
  });
});
