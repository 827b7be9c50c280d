// What the indexes of an image and its merged tree take on disk.
import { mib } from '../measure.mjs';
import { Mounts } from '../mounts.mjs';

const LIMIT = 1; // of the allowance: a hundredth of the compressed bytes and 16 bytes an entry
const ALLOWED_SHARE = 0.01;
const ALLOWED_ENTRY_BYTES = 16;

export async function indexSize({ workplace, images, report }) {
  const image = await images.usr();
  const mounts = new Mounts(workplace);
  const { entries } = await mounts.mount(image.reference);
  const sizes = await workplace.run([
    'find',
    `${mounts.cache}/v2/index`,
    `${mounts.cache}/v2/trees`,
    '-type',
    'f',
    '-printf',
    '%s\n',
  ]);
  await mounts.end();
  const size = sizes
    .split('\n')
    .map(Number)
    .reduce((a, b) => a + b);
  const allowed = ALLOWED_SHARE * image.size + ALLOWED_ENTRY_BYTES * entries;
  report.add({
    what: `indexes and merged tree on disk, ${entries} entries`,
    ours: `${mib(size)} (${((100 * size) / image.size).toFixed(2)} %)`,
    against: `1 % + 16 bytes an entry: ${mib(allowed)}`,
    ratio: size / allowed,
    atMost: LIMIT,
  });
}
