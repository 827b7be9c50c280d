// The daemon's memory: while it indexes, after everything was read, and of a very large tree.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIB, mib, seconds } from './measure.mjs';
import { Mounts, residentBytes } from './mounts.mjs';

const SAMPLE_MS = 20;

/** `--memory`, by default: decompressed windows. */
const WINDOWS_BYTES = 64 * MIB;
const BUSY_LIMIT = 150 * MIB + WINDOWS_BYTES;

const MANY_ENTRIES = 500_000;
const MANY_MOUNT_LIMIT = 1.5; // seconds
const MANY_LIMIT = 250 * MIB;

export async function memory(bench) {
  await busy(bench);
  await manyEntries(bench);
}

async function busy({ workplace, images, report }) {
  const image = await images.usr();
  const mounts = new Mounts(workplace);
  const indexing = await peakWhileMounting(workplace, mounts.command(image.reference));
  bytesRow(report, 'daemon while indexing, at most', indexing, BUSY_LIMIT);
  const pid = await mounts.pid();
  await workplace.bash('tar -c -C "$1" . | cat >/dev/null', [mounts.mountpoint]);
  const { now, peak } = residentBytes(pid);
  bytesRow(report, 'daemon after reading the image whole', now, BUSY_LIMIT);
  bytesRow(report, 'daemon at any time until then, at most', peak, BUSY_LIMIT);
  await mounts.end();
}

async function manyEntries({ workplace, images, report }) {
  const image = await images.smallFiles(MANY_ENTRIES);
  const mounts = new Mounts(workplace);
  await mounts.mount(image.reference);
  await mounts.unmount();
  const elapsed = await mounts.timed(image.reference);
  report.add({
    what: `second mount, ${MANY_ENTRIES} entries`,
    ours: seconds(elapsed),
    against: `limit ${seconds(MANY_MOUNT_LIMIT)}`,
    ratio: elapsed / MANY_MOUNT_LIMIT,
    atMost: 1,
  });
  const pid = await mounts.pid();
  await workplace.bash(`find "$1" -printf '%s\\n' >/dev/null`, [mounts.mountpoint]);
  bytesRow(report, `daemon after find, ${MANY_ENTRIES} entries`, residentBytes(pid).now, MANY_LIMIT);
  await mounts.end();
}

function bytesRow(report, what, bytes, limit) {
  report.add({ what, ours: mib(bytes), against: `limit ${mib(limit)}`, ratio: bytes / limit, atMost: 1 });
}

/** The most resident bytes that the daemon was seen with until its mount was ready. */
async function peakWhileMounting(workplace, argv) {
  const command = workplace.start(argv);
  let stderr = '';
  command.stderr.on('data', (text) => {
    stderr += text;
  });
  command.stdout.resume();
  const ended = new Promise((resolve) => command.once('close', resolve));
  let status;
  void ended.then((code) => {
    status = code ?? 'a signal';
  });
  let peak = 0;
  while (status === undefined) {
    for (const pid of childrenOf(command.pid)) peak = Math.max(peak, peakOf(pid));
    await sleep(SAMPLE_MS);
  }
  if (status !== 0) throw new Error(`mount ended with ${status}: ${stderr}`);
  return peak;
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
  } catch {
    return []; // it has ended
  }
}

function peakOf(pid) {
  try {
    return residentBytes(pid).peak;
  } catch {
    return 0;
  }
}
