// Layers of one zstd frame: the index pass against `zstd -dc`, the size of the index, and reads of
// 4 KiB at random positions from bytes on disk.
import { fileURLToPath } from 'node:url';
import { megabytes, mib } from './measure.mjs';
import { Mounts } from './mounts.mjs';

const PASS_CHILD = fileURLToPath(new URL('zstd-child.mjs', import.meta.url));
const READS_CHILD = fileURLToPath(new URL('random-reads-child.mjs', import.meta.url));

const PASS_LIMIT = 0.6; // of zstd's speed
const INDEX_LIMIT = 0.032; // of the layer's bytes
/** Milliseconds of processor time. */
const READ_P50 = 14;
const READ_P99 = 66;

export async function zstd({ workplace, images, report }) {
  for (const kind of ['usr', 'text']) {
    const image = await images.zstd(kind);
    const [{ path, size }] = image.layers;
    await workplace.run(['sync']);
    const pairs = JSON.parse(await workplace.run([process.execPath, PASS_CHILD, path]));
    const lowest = (of) => Math.min(...pairs.map((pair) => pair[of]));
    const [{ tarSize, indexSize }] = pairs;
    const speed = (seconds) => `${megabytes(tarSize / seconds)}/s`;
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
    report.add({
      what: `zstd index, ${kind}`,
      ours: mib(indexSize),
      against: `layer ${mib(size)}`,
      ratio: indexSize / size,
      atMost: INDEX_LIMIT,
    });
    await reads(kind, image);
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
