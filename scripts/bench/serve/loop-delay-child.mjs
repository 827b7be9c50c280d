// Loaded into a server before its program: at its end it writes down how late its event loop was.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 2;
const NS = 1e6; // in a millisecond

if (isMainThread) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  process.once('exit', () => {
    const late = (ns) => Math.max(0, ns / NS - RESOLUTION_MS);
    const record = { p99Ms: late(delays.percentile(99)), maxMs: late(delays.max) };
    writeFileSync(process.env.LAYERSLAYER_BENCH_LOOP, JSON.stringify(record));
  });
}
