// Half a gigabyte of incompressible data, read from end to end: from the disk cache, and from the
// kernel's page cache.
import { join } from 'node:path';
import { ext4Copy } from '../images/ext4.mjs';
import { LARGE_FILE_SIZE, LARGE_FILES } from '../images/images.mjs';
import { interleaved, megabytes, seconds } from '../measure.mjs';
import { Mounts, missingFuseNative } from '../mounts.mjs';

const ROUNDS = 3;

/** The goal of a cold read: this, or this part of the plain copy's rate, whichever is lower. */
const COLD_RATE = 600; // 10^6 bytes a second
const COLD_SHARE = 0.5;
/** Times ext4's time. */
const WARM_LIMIT = 1.2;

export async function largeFiles({ workplace, images, report }) {
  const image = await images.large();
  const disk = await ext4Copy(workplace, image);
  const mounts = new Mounts(workplace);
  const native = (await missingFuseNative(workplace))
    ? undefined
    : new Mounts(workplace, { transport: 'fuse-native' });

  const cat = async (directory, files) => {
    const paths = files.map((name) => join(directory, name));
    const began = performance.now();
    await workplace.run(['cat', ...paths], { stdio: ['ignore', 'ignore', 'pipe'] });
    return (performance.now() - began) / 1000;
  };
  const cold = async (directory) => {
    await workplace.dropCaches(['cat', '/dev/null']);
    return cat(directory, LARGE_FILES.slice(0, 1));
  };
  const coldMounted = (one) => async () => {
    await one.mount(image.reference);
    const elapsed = await cold(one.mountpoint);
    await one.unmount();
    return elapsed;
  };
  for (const one of [mounts, native]) await (one && coldMounted(one)()); // what they need of the registry is on disk now
  const first = await interleaved(ROUNDS, {
    disk: () => cold(disk),
    ours: coldMounted(mounts),
    ...(native && { native: coldMounted(native) }),
  });

  for (const one of [mounts, native]) await one?.mount(image.reference);
  const warm = (directory) => () => cat(directory, LARGE_FILES);
  for (const directory of [disk, mounts.mountpoint, native?.mountpoint])
    if (directory) await warm(directory)();
  const again = await interleaved(ROUNDS, {
    disk: warm(disk),
    ours: warm(mounts.mountpoint),
    ...(native && { native: warm(native.mountpoint) }),
  });
  for (const one of [mounts, native]) await one?.end();

  const rate = (elapsed) => LARGE_FILE_SIZE / 1e6 / elapsed;
  const told = (elapsed) => `${rate(elapsed).toFixed(0)} MB/s`;
  const wanted = Math.min(COLD_RATE, COLD_SHARE * rate(first.disk));
  const others = (times) => (times.native === undefined ? '' : `, fuse-native ${told(times.native)}`);
  report.add({
    what: `cold cat of ${megabytes(LARGE_FILE_SIZE)} stored, off the disk cache`,
    ours: told(first.ours),
    against: `ext4 ${told(first.disk)}${others(first)}; wanted ${wanted.toFixed(0)}`,
    ratio: rate(first.ours) / wanted,
    atLeast: 1,
    unit: 'x',
  });
  report.add({
    what: `warm cat of ${megabytes(LARGE_FILES.length * LARGE_FILE_SIZE)}`,
    ours: seconds(again.ours),
    against: `ext4 ${seconds(again.disk)}${again.native === undefined ? '' : `, fuse-native ${seconds(again.native)}`}`,
    ratio: again.ours / again.disk,
    atMost: WARM_LIMIT,
  });
}
