import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../setup/programs.js';
import { HAS_CHROMIUM, TestBrowser } from './browser/test-browser.js';
import { eventually, firstVisible } from './browser/tree-page.js';
import { MockExplorer } from './mock-explorer.js';
import { FOUND, HUGE_SIZE, LOG_LINE, LOG_SIZE, SAMPLE } from './sample-answers.js';

/** Rows of a list that may be in the page. */
const ROWS_MAX = 120;

describe.skipIf(!HAS_CHROMIUM)('the views of the explorer', { timeout: 20_000 }, () => {
  let explorer: MockExplorer;
  let browser: TestBrowser;

  beforeAll(async () => {
    explorer = await MockExplorer.start(builtProgram(), SAMPLE);
    browser = await TestBrowser.start();
  });

  afterEach(async () => {
    // No content of the image ran.
    for (const page of browser.pages) expect(await page.evaluate('typeof window.pwned')).toBe('undefined');
    expect(await browser.closePages()).toEqual([]);
    explorer.requests.splice(0);
  });

  afterAll(async () => {
    await browser?.close();
    await explorer?.close();
  });

  async function open(place: string, options: BrowserContextOptions = {}): Promise<Page> {
    const url = explorer.url(place);
    const page = await browser.newPage(new URL(url).origin, options);
    await page.goto(url);
    return page;
  }

  const rowsOf = (list: Locator) => list.locator('.virtual-row');

  async function hasText(locator: Locator, text: string | RegExp): Promise<void> {
    await locator.filter({ hasText: text }).first().waitFor();
  }

  /** Scrolls as the scroll bar does. @param share of the height */
  async function scrollTo(list: Locator, share: number): Promise<void> {
    await list.evaluate((list, at) => {
      const element = list as unknown as { scrollTop: number; scrollHeight: number };
      element.scrollTop = element.scrollHeight * at;
    }, share);
  }

  const fileRequests = () => explorer.requests.filter((url) => url.startsWith('/api/v1/file'));

  it('open a log of 100 MB with one request, and its end with few', async () => {
    const page = await open('tree/var/big.log');
    const text = page.getByLabel('Content of the file');
    await hasText(text, 'line 000000001 GET');
    expect(await text.locator('.gutter').first().textContent()).toBe('1');
    expect(fileRequests().length).toBe(1);
    await text.focus();
    await page.keyboard.press('End');
    await hasText(text, `line ${String(LOG_SIZE / LOG_LINE).padStart(9, '0')} GET`);
    expect(fileRequests().length).toBeLessThan(8);
    expect(await rowsOf(text).count()).toBeLessThan(ROWS_MAX);
    await scrollTo(text, 0.5);
    await hasText(text, /line 00(09|10)\d{5} GET/);
    await page.keyboard.press('Home');
    await hasText(text, 'line 000000001 GET');
  });

  it('page through 4 GiB of bytes by keys, and jump to an offset', async () => {
    const page = await open('tree/huge.img?file=hex');
    const bytes = page.getByLabel('Bytes');
    await hasText(bytes, '00 00 00 10 00');
    const second = rowsOf(bytes).nth(1).locator('.gutter');
    await hasText(second, '00000008');
    await page.setViewportSize({ width: 2000, height: 800 });
    await hasText(second, '00000010');
    await page.getByLabel('Go to offset').fill('0x80000000');
    await page.keyboard.press('Enter');
    await hasText(rowsOf(bytes), /^8000000080 00 00 00/);
    const top = async () => await firstVisible(bytes);
    const before = await top();
    expect(before).toBe('80000000');
    await page.keyboard.press('PageDown');
    const paged = async () => (Number.parseInt(await top(), 16) - 0x80000000) / 16;
    await eventually(paged).toBeGreaterThan(10);
    const onePage = await paged();
    expect(onePage).toBeLessThan(60);
    await page.keyboard.press('Space');
    await eventually(paged).toBe(2 * onePage);
    await page.keyboard.press('PageUp');
    await page.keyboard.press('Shift+Space');
    await eventually(paged).toBe(0);
    await page.keyboard.press('End');
    await hasText(rowsOf(bytes), new RegExp(`^${(HUGE_SIZE - 16).toString(16)}`));
    expect(await rowsOf(bytes).count()).toBeLessThan(ROWS_MAX);
    expect(fileRequests().length).toBeLessThan(10);
    await page.getByLabel('Go to offset').fill('0x100000000');
    await page.getByRole('alert').getByText('not in this file').waitFor();
  });

  it('colour a script in a worker, and show markup as text', async () => {
    const page = await open('tree/hello.sh');
    await page.locator('.hl-keyword').filter({ hasText: 'done' }).waitFor();
    await hasText(page.locator('.hl-comment'), '# greets <script>window.pwned=1</script>');
    expect(await page.getByLabel('Content of the file').locator('script, img').count()).toBe(0);
  });

  it('show hostile content as text with escapes', async () => {
    const page = await open('tree/hostile?file=text');
    const text = page.getByLabel('Content of the file');
    await hasText(text, '<img src=x onerror="window.pwned=1">');
    await hasText(text.locator('.escape'), '\\xE2\\x80\\xAE');
    expect(await text.locator('.escape').allTextContents()).toEqual([
      '\\x1B',
      '\\x00',
      '\\xE2\\x80\\xAE',
      '\\xFF',
    ]);
  });

  it('show what is no text as bytes, unless text is asked for', async () => {
    const page = await open('tree/hostile');
    await hasText(page.getByLabel('Bytes'), '3c 69 6d 67');
    expect(await page.locator('.ways [aria-current]').textContent()).toBe('Hex');
    await page.getByRole('link', { name: 'Text' }).click();
    await page.getByText('This looks like no text.').waitFor();
  });

  it('cut a long line into rows of one number', async () => {
    const page = await open('tree/minified.txt');
    const text = page.getByLabel('Content of the file');
    await hasText(text, 'end');
    expect(await text.locator('.gutter').allTextContents()).toEqual(['1', '↪', '↪', '2']);
  });

  it('show a picture, whose script does not run', async () => {
    const page = await open('tree/logo.svg');
    await page.getByText('40 × 20 pixels').waitFor();
    await page.getByRole('link', { name: 'Text' }).click();
    await hasText(page.getByLabel('Content of the file'), '<svg');
  });

  it('show the versions of a deleted file, and open one', async () => {
    const page = await open('tree/etc/nginx.conf?file=history');
    await page.getByText('Deleted by layer').waitFor();
    await page.locator('.entry-header').getByText('RUN rm -rf /var/cache').waitFor();
    expect(await page.locator('.version .change').allTextContents()).toEqual([
      '− removed',
      '~ changed',
      '+ added',
    ]);
    await page.getByRole('link', { name: 'open this version' }).last().click();
    await hasText(page.getByLabel('Content of the file'), 'worker_processes 2;');
    expect(new URL(page.url()).searchParams.get('layer')).toBe('1');
    expect(fileRequests().at(-1)).toContain('layer=1');
  });

  it('download by a ticket', async () => {
    const page = await open('tree/hello.sh');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    expect((await download).url()).toContain('/api/v1/file?image=sample:1&path=/hello.sh&ticket=abc');
  });

  it('zoom into a treemap and out, by mouse and by keys', async () => {
    const page = await open('treemap/');
    const usr = page.getByRole('button', { name: /^usr\s*, 76\.3 MiB/ });
    await usr.click();
    await page.getByRole('button', { name: /^lib\s*, 47\.7 MiB/ }).waitFor();
    expect(new URL(page.url()).pathname).toMatch(/treemap\/usr$/);
    await page.getByRole('button', { name: /^lib\s*, 47\.7 MiB/ }).focus();
    await page.keyboard.press('Backspace');
    await usr.focus();
    await page.keyboard.press('ArrowRight');
    await page
      .getByRole('button', { name: /^swap\.img\s*, 8\.6 MiB/ })
      .and(page.locator(':focus'))
      .waitFor();
    const list = page.getByRole('table');
    await hasText(list.getByRole('row'), /usr\/76\.3 MiB80\.0%1/);
  });

  it('show what is hidden, and the largest deleted file with its steps', async () => {
    const page = await open('hidden/');
    await page.getByText('66.8 MiB of 190.7 MiB (35.0%)').waitFor();
    const list = page.getByLabel('Hidden paths');
    await hasText(list, '/var/cache/index.db');
    const paths = async () => await rowsOf(list).locator('a').allTextContents();
    expect(await paths()).toEqual(['/var/cache/index.db', '/usr/lib/libssl.so', '/var/cache/small']);
    await page.getByRole('button', { name: /replaced by layer/ }).click();
    await eventually(paths).toEqual(['/usr/lib/libssl.so']);
    await page.getByLabel('Largest directories').check();
    await page.getByRole('button', { name: /replaced by layer/ }).click();
    await eventually(paths).toEqual(['/var/cache', '/usr/lib/libssl.so']);
    await rowsOf(list).getByRole('link').first().click();
    await page.getByRole('heading', { name: '/var/cache' }).waitFor();
    expect(new URL(page.url()).search).toContain('deleted=1');
  });

  it('find 20,000 files with few rows in the page, and filter them by the URL', async () => {
    const page = await open('find/?find=*.conf');
    await page.getByText('20,000 found').waitFor();
    const list = page.getByLabel('Found entries');
    await scrollTo(list, 1);
    await hasText(list, `/etc/conf.d/${FOUND - 1}<i>.conf`);
    expect(await rowsOf(list).count()).toBeLessThan(ROWS_MAX);
    await page.getByLabel('Size').fill('+10M');
    await page.getByLabel('only deleted').check();
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await hasText(rowsOf(list), '✗3');
    expect(explorer.requests.at(-1)).toContain('size=%2B10M&deleted=1');
    await page.goBack();
    await page.getByText('20,000 found').waitFor();
    expect(await page.getByLabel('only deleted').isChecked()).toBe(false);
  });

  it('say that nothing was found, and why a search ended', async () => {
    const page = await open('find/?find=nothing');
    await page.getByText('Nothing found.').waitFor();
    await page.getByLabel('Name or path').fill('bad[');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('the search ended').waitFor();
    await hasText(page.getByLabel('Found entries'), '/first');
  });

  it('compare with another image, down to the lines of a file', async () => {
    const page = await open('compare/');
    await page.getByLabel('Compare with').fill('sample:2');
    await page.keyboard.press('Enter');
    const list = page.getByLabel('Differences');
    await hasText(rowsOf(list), 'mode 0644 → 0755, size 20 B → 4.0 KiB, content');
    await page.getByText('1 difference of config and build steps').click();
    await page.getByText('Env PATH').waitFor();
    await page.getByLabel('1 removed').uncheck();
    await eventually(async () => await rowsOf(list).count()).toBe(2);
    expect(await list.getByRole('link', { name: '/new' }).getAttribute('href')).toMatch(/^\/i\/sample:2\//);
    await page.getByRole('button', { name: 'diff', exact: true }).click();
    await hasText(page.locator('.diff-line.added'), '+<b>worker</b> 4;');
  });

  it('show a fault of the entry with a way to try again', async () => {
    browser.expectFault(/404 .*path=\/missing/);
    const page = await open('tree/missing');
    const pane = page.getByLabel('Entry', { exact: true });
    await hasText(pane.getByRole('alert'), 'no such file');
    await pane.getByRole('button', { name: 'Try again' }).click();
    await eventually(() => explorer.requests.filter((url) => url.includes('stat')).length).toBe(2);
  });
});
