// What a mount is compared to: the same tree, unpacked on ext4.
import { join } from 'node:path';

/** Room where a file system has to be made for it; a sparse file. */
const SIZE = '8G';
const INODES = 400_000;

const folders = new WeakMap();

/** A folder on ext4 with all layers of an image unpacked, base first; made once for each image. */
export async function ext4Copy(workplace, image) {
  const folder = join(await ext4Folder(workplace), image.path.replaceAll(/[/:]/g, '-'));
  await workplace.run(['mkdir', '-p', folder]);
  if ((await workplace.run(['ls', '-A', folder])) !== '') return folder;
  for (const { path } of image.layers) await workplace.run(['tar', '-xzf', path, '-C', folder]);
  return folder;
}

/** In the temporary directory if that is on ext4, else on a file system made in a file. */
function ext4Folder(workplace) {
  if (!folders.has(workplace)) folders.set(workplace, makeExt4Folder(workplace));
  return folders.get(workplace);
}

async function makeExt4Folder(workplace) {
  const folder = workplace.folder('ext4');
  const type = await workplace.run(['findmnt', '-n', '-o', 'FSTYPE', '-T', folder]);
  if (type.trim() === 'ext4') return folder;
  const file = join(workplace.directory, 'ext4.img');
  await workplace.run(['truncate', '-s', SIZE, file]);
  await workplace.run(['mkfs.ext4', '-q', '-F', '-N', String(INODES), file]);
  await workplace.run(['mount', '-o', 'loop', file, folder]);
  return folder;
}
