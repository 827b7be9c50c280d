// Opens an image whose bytes are in the cache directory, and reads at random: `REFERENCE CACHE`. Prints
// microseconds, and the bytes that a read fetches when none are in the cache.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startSession } from '../../../dist/engine/session.js';
import { defaultPlatform } from '../../../dist/oci/platform.js';
import { MIB } from '../measure.mjs';

const READ_SIZE = 4096; // bytes
const COLD_READS = 2_000;
const PROCESSOR_READS = 500;
/** Fewer windows than the cap of the warm session holds. */
const WARM_PLACES = 200;
const WARM_READS = 20_000;
const WARM_MEMORY = 64 * MIB;
/** One window is kept: nothing is found twice. */
const COLD_MEMORY = 64 * 1024;
const CACHE_CAP = 4096 * MIB;
const SEED = 1;
/** Reads of bytes that are in the registry only. */
const REMOTE_READS = 24;
/** Read-ahead of one read must not serve the next. */
const SETTLE_MS = 50;

const [reference, directory] = process.argv.slice(2);

async function measured(memoryBytes, chooseReads) {
  const session = startSession({
    registry: { insecure: false },
    cache: { directory, capBytes: CACHE_CAP },
    memoryBytes,
    log: { error: console.error, warn: console.error, info() {}, debug() {} },
    onNotice: console.error,
  });
  try {
    const image = await session.resolve(reference, defaultPlatform());
    const layers = await session.openLayers(image);
    return await chooseReads(placesIn(layers), session);
  } finally {
    await session.close();
  }
}

/** Draws places of 4 KiB, each file as likely as it is large. */
function placesIn(layers) {
  const files = [];
  let total = 0;
  for (const layer of layers) {
    const { entries } = layer;
    for (let row = 0; row < entries.length; row++) {
      if (entries.kind(row) !== 'file' || entries.size(row) < READ_SIZE) continue;
      total += entries.size(row);
      files.push({ layer, row, size: entries.size(row), until: total });
    }
  }
  const random = randomNumbers(SEED);
  return () => {
    const at = random() * total;
    let low = 0;
    for (let high = files.length - 1; low < high; ) {
      const middle = (low + high) >>> 1;
      if (files[middle].until > at) high = middle;
      else low = middle + 1;
    }
    const { layer, row, size } = files[low];
    return { layer, row, offset: Math.floor(random() * (size - READ_SIZE + 1)) };
  };
}

async function timed({ layer, row, offset }) {
  const began = performance.now();
  const bytes = layer.read(row, offset, READ_SIZE);
  if (bytes instanceof Promise) await bytes;
  return (performance.now() - began) * 1000;
}

/** Processor time of all threads while it is read. */
async function processorTime(place) {
  const before = process.cpuUsage();
  await timed(place);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
  return { p50: at(0.5), p99: at(0.99) };
}

/** Removes all compressed bytes from the cache; the indexes stay. */
function removePages() {
  for (const version of readdirSync(directory)) {
    rmSync(join(directory, version, 'pages'), { recursive: true, force: true });
  }
}

/** mulberry32: two runs read the same places. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const cold = await measured(COLD_MEMORY, async (draw) => {
  const times = [];
  for (let i = 0; i < COLD_READS; i++) times.push(await timed(draw()));
  return percentiles(times);
});
const processor = await measured(COLD_MEMORY, async (draw) => {
  const times = [];
  for (let i = 0; i < PROCESSOR_READS; i++) times.push(await processorTime(draw()));
  return percentiles(times);
});
const warm = await measured(WARM_MEMORY, async (draw) => {
  const places = Array.from({ length: WARM_PLACES }, draw);
  for (const place of places) await timed(place);
  const times = [];
  for (let i = 0; i < WARM_READS; i++) times.push(await timed(places[i % WARM_PLACES]));
  return percentiles(times);
});
removePages();
const remote = await measured(COLD_MEMORY, async (draw, session) => {
  const before = session.metrics().bytesFetched;
  for (let i = 0; i < REMOTE_READS; i++) {
    await timed(draw());
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  return { bytes: (session.metrics().bytesFetched - before) / REMOTE_READS };
});
process.stdout.write(JSON.stringify({ cold, processor, warm, remote }));
