// The explorer of `serve` in a browser, on an indexed image of 100,000 files: how soon it shows
// something, and how long its scripts keep the page from moving.
import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { median, seconds } from '../measure.mjs';
import { MAIN } from '../mounts.mjs';
import { CATEGORIES, mainThreadTasks } from './main-thread.mjs';

const CHROMIUM = '/usr/bin/chromium';

const FILES = 100_000;
const DIRECTORY = 'data/directory-0000';
const ROUNDS = 5;

/** From the start of the navigation to the first row on the screen. */
const FIRST_ROW_LIMIT = 1; // seconds
/** In one task with scripts, layout included, of the thread's processor time. */
const TASK_LIMIT = 50; // ms
const ROWS_LIMIT = 300;

const VIEWPORT = { width: 1300, height: 800 }; // CSS pixels
const ROW_HEIGHT = 26; // CSS pixels, as in src/web
const PAGE_MS = 60_000;
/** After its start, a server has work that no request waits for. */
const REST_MS = 500;

export async function explorer({ workplace, images, report }) {
  if (!existsSync(CHROMIUM)) return report.skip('the explorer', 'chromium is not installed');
  const image = await images.largeDirectory(FILES);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    const bench = { workplace, browser, reference: image.reference, cache: workplace.newFolder('explorer') };
    await measureFirstRow(bench, report);
    await measureScrolling(bench, report);
  } finally {
    await browser.close();
  }
}

async function measureFirstRow(bench, report) {
  // Makes the index.
  const maker = await startServer(bench);
  await secondsToRow(bench, maker.origin, '/');
  await maker.stop();

  const figures = { started: [], fresh: [], warm: [], deep: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const began = Date.now();
    const started = await startServer(bench);
    const { atMs } = await secondsToRow(bench, started.origin, '/');
    figures.started.push({ elapsed: (atMs - began) / 1000, processor: started.processorSeconds() });
    for (const [name, path] of [
      ['warm', '/'],
      ['deep', `/${DIRECTORY}`],
    ]) {
      figures[name].push(await measured(started, () => secondsToRow(bench, started.origin, path)));
    }
    await started.stop();

    // It runs, but did not open the image yet.
    const fresh = await startServer(bench);
    await sleep(REST_MS);
    figures.fresh.push(await measured(fresh, () => secondsToRow(bench, fresh.origin, '/')));
    await fresh.stop();
  }
  const row = (what, times) => {
    const elapsed = times.map((one) => one.elapsed);
    const lowest = Math.min(...elapsed); // other work on the machine only adds
    report.add({
      what: `explorer, first row of ${FILES} files: ${what}`,
      ours: `${seconds(lowest)}, median ${seconds(median(elapsed))}`,
      against: `processor time of the server ${seconds(median(times.map((one) => one.processor)))}, ${load()}`,
      ratio: lowest,
      atMost: FIRST_ROW_LIMIT,
      unit: ' s',
    });
  };
  row('image is open', figures.warm);
  row('image is open, a directory of all files', figures.deep);
  row('server runs', figures.fresh);
  row('with the start of the server', figures.started);
}

async function measured(server, work) {
  const before = server.processorSeconds();
  const { elapsed } = await work();
  return { elapsed, processor: server.processorSeconds() - before };
}

/** Scrolls the directory of all files, by all ways that users have. */
async function measureScrolling(bench, report) {
  const { browser, reference } = bench;
  const server = await startServer(bench);
  const page = await newPage(browser);
  await page.goto(`${server.origin}/i/${reference}/~/tree/${DIRECTORY}`);
  await page.locator('[role=treeitem]').nth(20).waitFor();
  await page.evaluate(countRows);
  const scroller = page.locator('.tree-scroller');
  await scroller.hover();

  const loading = await tasksWhile(bench, page, async () => {
    await wheel(page, 40);
    await loadAll(scroller);
  });
  const loaded = await tasksWhile(bench, page, async () => {
    await wheel(page, 40);
    for (const part of [0.1, 0.9, 0.5, 0, 1]) {
      await scroller.evaluate((element, at) => element.scrollTo(0, element.scrollHeight * at), part);
      await sleep(100);
    }
    await page.locator('[role=tree]').focus();
    for (const key of [
      'Home',
      'PageDown',
      'PageDown',
      'ArrowDown',
      'End',
      'PageUp',
      'ArrowUp',
      'Home',
      'c',
    ]) {
      await page.keyboard.press(key);
      await sleep(100);
    }
  });
  const rows = Math.max(...(await page.evaluate('rowCounts')));
  await page.context().close();
  await server.stop();

  for (const [what, tasks] of [
    ['while its pages load', loading],
    ['when all is loaded', loaded],
  ]) {
    report.add({
      what: `explorer, longest task with scripts, scrolling ${FILES} entries ${what}`,
      ours: facts(tasks),
      against: load(),
      ratio: largest(tasks, 'cpu'),
      atMost: TASK_LIMIT,
      unit: ' ms',
    });
  }
  report.add({
    what: `explorer, rows in the page, of ${FILES}`,
    ours: String(rows),
    ratio: rows,
    atMost: ROWS_LIMIT,
  });
}

/** Runs in the page: notes how many rows there are, whenever some come or go. */
function countRows() {
  const tree = document.querySelector('[role=tree]');
  const counts = [tree.childElementCount];
  globalThis.rowCounts = counts;
  new MutationObserver(() => counts.push(tree.childElementCount)).observe(tree, { childList: true });
}

async function wheel(page, turns) {
  for (let turn = 0; turn < turns; turn++) {
    await page.mouse.wheel(0, turn % 4 === 3 ? -400 : 800);
    await sleep(30);
  }
}

/** Goes to the end again and again: each time the next page is loaded. */
async function loadAll(scroller) {
  const deadline = Date.now() + PAGE_MS;
  for (;;) {
    const rows = (await scroller.evaluate((element) => element.scrollHeight)) / ROW_HEIGHT;
    if (rows > FILES) return;
    if (Date.now() > deadline) throw new Error(`only ${rows} rows were loaded`);
    await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await sleep(20);
  }
}

async function tasksWhile({ browser }, page, work) {
  await browser.startTracing(page, { categories: CATEGORIES, screenshots: false });
  await work();
  const trace = JSON.parse((await browser.stopTracing()).toString());
  return mainThreadTasks(trace.traceEvents);
}

const load = () => `load average ${loadavg()[0].toFixed(1)}`;

const largest = (tasks, what) => Math.max(...tasks.map((task) => task[what]));

function facts(tasks) {
  const ms = (what) => `${largest(tasks, what).toFixed(1)} ms`;
  const long = tasks.filter(({ cpu }) => cpu > TASK_LIMIT).length;
  const parts = [`scripts ${ms('script')}`, `collection ${ms('collection')}`, `elapsed ${ms('wall')}`];
  return `${ms('cpu')} (${parts.join(', ')}); ${long} of ${tasks.length} over ${TASK_LIMIT} ms`;
}

async function newPage(browser) {
  const context = await browser.newContext({ viewport: VIEWPORT });
  context.setDefaultTimeout(PAGE_MS);
  return context.newPage();
}

/** @returns seconds since the navigation began, and ms since 1970 when the row was on the screen */
async function secondsToRow({ browser, reference }, origin, path) {
  const page = await newPage(browser);
  const name = path === '/' ? 'data' : path.slice(path.lastIndexOf('/') + 1);
  await page.addInitScript(noteRow, name);
  await page.goto(`${origin}/i/${reference}/~/tree${path}`);
  await page.waitForFunction(() => globalThis.rowShown);
  const [elapsedMs, originMs] = await page.evaluate('[rowShown, performance.timeOrigin]');
  await page.context().close();
  return { elapsed: elapsedMs / 1000, atMs: originMs + elapsedMs };
}

/** Runs in the page: notes when the row of a name was on the screen, in ms of the page's clock. */
function noteRow(name) {
  const observer = new MutationObserver(() => {
    const names = [...document.querySelectorAll('[role=treeitem] bdi')].map((one) => one.textContent);
    if (!names.includes(name)) return;
    observer.disconnect();
    requestAnimationFrame(() =>
      setTimeout(() => {
        globalThis.rowShown = performance.now();
      }),
    );
  });
  observer.observe(document, { childList: true, subtree: true });
}

/** Starts `serve`, which opens no image. */
async function startServer({ workplace, cache }) {
  const argv = [process.execPath, MAIN, 'serve', '--port', '0', '--cache-dir', join(cache, 'cache')];
  const server = workplace.start(argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const origin = await new Promise((resolve, reject) => {
    let text = '';
    server.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (address) resolve(address);
    });
    server.once('close', (status) => reject(new Error(`serve ended with ${status}: ${text}`)));
  });
  const stop = async () => {
    server.kill('SIGTERM');
    await ended;
  };
  return { origin, stop, processorSeconds: () => processorSeconds(server.pid) };
}

/** Ticks a second of the times in /proc. (proc(5), `sysconf(_SC_CLK_TCK)`: 100 on Linux) */
const TICKS = 100;

/** Returns the seconds that all threads of a process have run. */
function processorSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
