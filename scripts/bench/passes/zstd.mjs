// Layers of one zstd frame: the index pass against `zstd -dc`, two passes at once, the size of the
// index, memory, and reads of 4 KiB at random positions from bytes on disk.
import { fileURLToPath } from 'node:url';
import { MIB, megabytes, mib } from '../measure.mjs';
import { Mounts } from '../mounts.mjs';
import { twoWorkers } from './pass-workers.mjs';

const PASS_CHILD = fileURLToPath(new URL('./zstd-child.mjs', import.meta.url));
const MEMORY_CHILD = fileURLToPath(new URL('./zstd-memory-child.mjs', import.meta.url));
const READS_CHILD = fileURLToPath(new URL('../reads/random-reads-child.mjs', import.meta.url));

const PASS_LIMIT = 0.6; // of zstd's speed
const INDEX_LIMIT = 0.032; // of the layer's bytes
/** Milliseconds of processor time. */
const READ_P50 = 14;
const READ_P99 = 66;
/** Bytes of memory with a window of 8 MiB. */
const PASS_MEMORY = 20 * MIB;
const READER_MEMORY = 12 * MIB;
const MEMORY_ROUNDS = 5;

export async function zstd({ workplace, images, report }) {
  for (const kind of ['usr', 'text', 'wheels']) {
    const image = await images.zstd(kind);
    const [{ path, size }] = image.layers;
    await workplace.run(['sync']);
    const pairs = JSON.parse(await workplace.run([process.execPath, PASS_CHILD, path]));
    const lowest = (of) => Math.min(...pairs.map((pair) => pair[of]));
    const [{ tarSize, indexSize }] = pairs;
    const speed = (seconds) => `${megabytes(tarSize / seconds)}/s`;
    const indexRow = () =>
      report.add({
        what: `zstd index, ${kind}`,
        ours: `${mib(indexSize)} (${((100 * indexSize) / size).toFixed(2)} %)`,
        against: `layer ${mib(size)}`,
        ratio: indexSize / size,
        atMost: INDEX_LIMIT,
      });
    if (kind === 'wheels') {
      indexRow(); // zstd copies what is deflated already: its speed there is no measure
      continue;
    }
    const row = (what, of, rest) =>
      report.add({
        what,
        ours: speed(lowest(of)),
        against: `zstd -dc ${speed(lowest('zstd'))}`,
        ratio: lowest('zstd') / lowest(of),
        unit: 'x',
        ...rest,
      });
    const name = `zstd pass, ${kind}, ${megabytes(tarSize)}`;
    row(`${name} (inflating thread)`, 'thread', { atLeast: PASS_LIMIT });
    row('  … with all threads of the process', 'process', {});
    indexRow();
    if (kind === 'usr') {
      await twoWorkers({ workplace, report }, path, 'two zstd layers in two workers (wall)');
      await memory(path);
    }
    await reads(kind, image);
  }

  async function memory(path) {
    for (const [what, limit] of [
      ['pass', PASS_MEMORY],
      ['reader', READER_MEMORY],
    ]) {
      let lowest = Number.POSITIVE_INFINITY;
      for (let round = 0; round < MEMORY_ROUNDS; round++) {
        const bytes = await workplace.run([process.execPath, '--expose-gc', MEMORY_CHILD, what, path]);
        lowest = Math.min(lowest, Number(bytes));
      }
      report.add({
        what: `zstd, memory of a ${what}, window of 8 MiB`,
        ours: mib(lowest),
        against: `limit ${mib(limit)}`,
        ratio: lowest / limit,
        atMost: 1,
      });
    }
  }

  async function reads(kind, image) {
    const mounts = new Mounts(workplace); // its first mount brings all bytes to the disk
    await mounts.mount(image.reference);
    await mounts.unmount();
    const argv = [process.execPath, READS_CHILD, image.reference, mounts.cache];
    const { processor } = JSON.parse(await workplace.run(argv));
    await workplace.remove(mounts.cache);
    for (const [percentile, limit] of [
      ['p50', READ_P50],
      ['p99', READ_P99],
    ]) {
      const spent = processor[percentile] / 1000;
      report.add({
        what: `zstd, 4 KiB at random, ${kind}, ${percentile} (processor time)`,
        ours: `${spent.toFixed(1)} ms`,
        against: `limit ${limit} ms`,
        ratio: spent / limit,
        atMost: 1,
      });
    }
  }
}
