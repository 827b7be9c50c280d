// Images whose layers have indexes that others made, over a slow link: what a mount and the first
// `cat` fetch, and how many requests wait for each other. With LAYERSLAYER_BENCH_REQUESTS set, each
// request is printed, with its times in ms.
import { readFileSync } from 'node:fs';
import { FORMATS, membersOfLayers, SMALL_FILE } from '../images/indexed-images.mjs';
import { LINE_RATE, SlowProxy } from '../images/slow-proxy.mjs';
import { MIB, megabytes, mib, seconds } from '../measure.mjs';
import { Mounts } from '../mounts.mjs';

/** Bytes fetched at most, besides tables and entries. */
const BYTES_LIMIT = MIB;
const SERIES_LIMIT = 8;
/** Of a layer, less than this counts as not read whole. */
const SHARE_LIMIT = 0.5;
/** Of a second mount's time, besides the index's bytes at line rate. */
const TIMES_LIMIT = 2;
const ROUNDS = 3;
/** Units of processor time in a second, in /proc. */
const TICKS = 100;

/** An image of 250 MB. */
export const slowLink = (bench) => overSlowLink(bench, 0);
/** An image of 2 GB: the same, and random bytes. */
export const slowLinkLarge = (bench) => overSlowLink(bench, 3);

/** @param randomFiles further files of each layer */
async function overSlowLink({ workplace, images, report }, randomFiles) {
  const registry = await images.registry();
  const proxy = await SlowProxy.start(registry);
  try {
    const layers = await membersOfLayers(workplace, randomFiles);
    for (const [format, make] of Object.entries(FORMATS)) {
      process.stderr.write(`making image ${format}\n`);
      const image = await make({ workplace, registry, proxy, layers, tag: `link-${randomFiles}` });
      const opening = { workplace, proxy, report, format, ...image };
      await firstRead(opening);
      if (image.indexSize) await againstSecond(opening);
      await workplace.bash('rm -f "$1"/indexed-*', [workplace.folder('layers')]);
    }
  } finally {
    proxy.close();
  }
}

/** Mounts from an empty cache and reads the file. */
async function firstRead({ workplace, proxy, report, format, reference, layers, words, tables, unit }) {
  const mounts = new Mounts(workplace, { words });
  proxy.clear();
  const elapsed = await mounts.timed(reference, `cat "$1/${SMALL_FILE}" >/dev/null`);
  const { requests, bytes, inSeries, bytesOf } = proxy.summary();
  await mounts.end();
  const size = layers.reduce((all, layer) => all + layer.size, 0);
  const allowed = tables + Math.max(BYTES_LIMIT, unit);
  report.add({
    what: `slow link, ${format}, ${megabytes(size)}: mount + cat, bytes`,
    ours: `${mib(bytes)} in ${seconds(elapsed)}`,
    against: `tables ${mib(tables)} + ${mib(allowed - tables)}`,
    ratio: bytes / allowed,
    atMost: 1,
  });
  report.check({
    what: '  … requests in series',
    ours: `${inSeries} of ${requests.length}`,
    limit: `<= ${SERIES_LIMIT}`,
    kept: inSeries <= SERIES_LIMIT,
  });
  const share = Math.max(...layers.map((layer) => bytesOf(layer.digest) / layer.size));
  report.check({
    what: '  … of a layer fetched, at most',
    ours: `${(100 * share).toFixed(1)} %`,
    limit: 'none whole',
    kept: share < SHARE_LIMIT,
  });
  if (process.env.LAYERSLAYER_BENCH_REQUESTS) printRequests(requests);
}

function printRequests(requests) {
  const start = requests[0]?.begun;
  for (const { method, path, range = '', bytes, begun, ended } of requests) {
    const times = [begun, ended].map((time) => (time - start).toFixed(0)).join(' to ');
    process.stderr.write(`    ${times} ${method} ${path} ${range} ${bytes}\n`);
  }
}

/** A mount from an empty cache beside a second one: both over the slow link. */
async function againstSecond({ workplace, proxy, report, reference, words, indexSize }) {
  const found = { first: [], second: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const mounts = new Mounts(workplace, { words });
    found.first.push(await mountCost(workplace, mounts, reference));
    await mounts.unmount();
    found.second.push(await mountCost(workplace, mounts, reference));
    await mounts.end();
  }
  proxy.clear();
  const lowest = (which, of) => Math.min(...found[which].map((one) => one[of]));
  const atLineRate = indexSize / LINE_RATE;
  for (const [of, allowance] of [
    ['processor', 0],
    ['wall', atLineRate],
  ]) {
    const [first, second] = [lowest('first', of), lowest('second', of)];
    report.add({
      what: `  … mount, empty cache, ${of} time`,
      ours: seconds(first),
      against: `second mount ${seconds(second)}${allowance > 0 ? `, index at line rate ${seconds(allowance)}` : ''}`,
      ratio: first / (TIMES_LIMIT * second + allowance),
      atMost: 1,
    });
  }
}

/** Seconds of a mount: wall until the command ends, processor of it and its daemon. */
async function mountCost(workplace, mounts, reference) {
  const quoted = mounts.command(reference).map((word) => `'${word}'`);
  const script = `TIMEFORMAT='%R %U %S'; { time ${quoted.join(' ')} >/dev/null; } 2>&1`;
  const [wall, user, system] = (await workplace.bash(script))
    .trim()
    .split('\n')
    .at(-1)
    .split(' ')
    .map(Number);
  const stat = readFileSync(`/proc/${await mounts.pid()}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third, see proc(5)
  const daemon = (Number(fields[11]) + Number(fields[12])) / TICKS;
  return { wall, processor: user + system + daemon };
}
