// The attributes of 50,000 files: when the kernel has none of them cached (ours are in the daemon's
// memory, ext4's on disk), and when it has all.
import { ext4Copy } from './images/ext4.mjs';
import { interleaved, seconds } from './measure.mjs';
import { Mounts, missingFuseNative } from './mounts.mjs';

const FILES = 50_000;
const ROUNDS = 5;

/** Times ext4's time. */
const COLD_LIMIT = 1.2;
const WARM_LIMIT = 1.2;
/** Times faster than over fuse-native, cold. */
const NATIVE_LIMIT = 6;

export async function find({ workplace, images, report }) {
  const image = await images.smallFiles(FILES);
  const disk = await ext4Copy(workplace, image);
  const mounts = new Mounts(workplace);
  const missing = await missingFuseNative(workplace);
  const native = missing ? undefined : new Mounts(workplace, { transport: 'fuse-native' });
  for (const one of [mounts, native]) {
    await one?.mount(image.reference);
    await one?.unmount();
  }

  const timed = async (directory) => {
    const began = performance.now();
    const listed = await workplace.run(['find', directory, '-printf', '%s\n']);
    const elapsed = (performance.now() - began) / 1000;
    const lines = listed.split('\n').length - 1;
    if (lines < FILES) throw new Error(`find saw ${lines} of ${FILES} files in ${directory}`);
    return elapsed;
  };
  const cold = async (directory) => {
    // Reading find itself back in is no part of any.
    await workplace.dropCaches(['find', '/dev/null', '-printf', '%s\n']);
    return timed(directory);
  };
  const coldMounted = (one) => async () => {
    await one.mount(image.reference);
    const elapsed = await cold(one.mountpoint);
    await one.unmount();
    return elapsed;
  };
  const first = await interleaved(ROUNDS, {
    disk: () => cold(disk),
    ours: coldMounted(mounts),
    ...(native && { native: coldMounted(native) }),
  });

  for (const one of [mounts, native]) await one?.mount(image.reference);
  for (const directory of [disk, mounts.mountpoint, native?.mountpoint])
    if (directory) await timed(directory);
  const again = await interleaved(ROUNDS, {
    disk: () => timed(disk),
    ours: () => timed(mounts.mountpoint),
    ...(native && { native: () => timed(native.mountpoint) }),
  });
  for (const one of [mounts, native]) await one?.end();

  const what = `find -printf %s, ${FILES} files`;
  const row = (when, times, limit) =>
    report.add({
      what: `${when} ${what}`,
      ours: seconds(times.ours),
      against: `ext4 ${seconds(times.disk)}`,
      ratio: times.ours / times.disk,
      atMost: limit,
    });
  row('cold', first, COLD_LIMIT);
  row('warm', again, WARM_LIMIT);
  if (!native) {
    report.skip(`cold ${what}, against fuse-native`, missing);
    return;
  }
  report.add({
    what: `cold ${what}, times faster`,
    ours: seconds(first.ours),
    against: `fuse-native ${seconds(first.native)}`,
    ratio: first.native / first.ours,
    atLeast: NATIVE_LIMIT,
    unit: 'x',
  });
  report.add({
    what: `warm ${what}, times faster`,
    ours: seconds(again.ours),
    against: `fuse-native ${seconds(again.native)}`,
    ratio: again.native / again.ours,
    unit: 'x',
  });
}
