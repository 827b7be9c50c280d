// Reads of 4 KiB at random positions of the layers of /usr, without the kernel: from windows in
// memory, and from windows that are inflated from bytes on disk.
import { fileURLToPath } from 'node:url';
import { Mounts } from '../mounts.mjs';

const CHILD = fileURLToPath(new URL('./random-reads-child.mjs', import.meta.url));

const KIB = 1024;
const PAGE = 256 * KIB;

/** Microseconds. */
const WARM_P50 = 25;
const COLD_P50 = 1_000;
const COLD_P99 = 3_000;

export async function randomReads({ workplace, images, report }) {
  const image = await images.usr();
  const mounts = new Mounts(workplace); // its first mount brings all bytes to the disk
  await mounts.mount(image.reference);
  await mounts.unmount();
  const argv = [process.execPath, CHILD, image.reference, mounts.cache];
  const { warm, cold, remote } = JSON.parse(await workplace.run(argv));
  await workplace.remove(mounts.cache);
  const row = (what, microseconds, limit) =>
    report.add({
      what: `4 KiB at random, ${what}`,
      ours: `${microseconds.toFixed(microseconds < 10 ? 1 : 0)} us`,
      against: `limit ${limit} us`,
      ratio: microseconds / limit,
      atMost: 1,
    });
  row('warm windows, p50', warm.p50, WARM_P50);
  row('cold windows, bytes on disk, p50', cold.p50, COLD_P50);
  row('cold windows, bytes on disk, p99', cold.p99, COLD_P99);
  report.add({
    what: '4 KiB at random, bytes fetched',
    ours: `${(remote.bytes / KIB).toFixed(0)} KiB`,
    against: 'a page: 256 KiB',
    ratio: remote.bytes / PAGE,
  });
}
