// The attributes of 50,000 files when neither kernel knows anything of them: ours in the daemon's memory, ext4's on disk.
import { join } from 'node:path';
import { interleaved, seconds } from './measure.mjs';
import { Mounts } from './mounts.mjs';

const FILES = 50_000;
const ROUNDS = 5;

const LIMIT = 1.5; // times ext4's time

/** Room for the tree where a file system has to be made for it. */
const EXT4_SIZE = '1G';
const EXT4_INODES = 4 * FILES;

export async function coldFind({ workplace, images, report }) {
  const image = await images.smallFiles(FILES);
  const ext4 = await ext4Folder(workplace);
  await workplace.run(['tar', '-xzf', image.layers[0].path, '-C', ext4]);
  const mounts = new Mounts(workplace);
  await mounts.mount(image.reference);
  await mounts.unmount();

  const find = async (directory) => {
    // Reading find itself back in is no part of either.
    await workplace.dropCaches(['find', '/dev/null', '-printf', '%s\n']);
    const began = performance.now();
    const listed = await workplace.run(['find', directory, '-printf', '%s\n']);
    const elapsed = (performance.now() - began) / 1000;
    const lines = listed.split('\n').length - 1;
    if (lines < FILES) throw new Error(`find saw ${lines} of ${FILES} files in ${directory}`);
    return elapsed;
  };
  const { ours, disk } = await interleaved(ROUNDS, {
    disk: () => find(ext4),
    ours: async () => {
      await mounts.mount(image.reference);
      const elapsed = await find(mounts.mountpoint);
      await mounts.unmount();
      return elapsed;
    },
  });
  await workplace.remove(mounts.cache);
  report.add({
    what: `cold find -printf %s, ${FILES} files`,
    ours: seconds(ours),
    against: `ext4 ${seconds(disk)}`,
    ratio: ours / disk,
    atMost: LIMIT,
  });
}

/** A folder on ext4: in the temporary directory if that is, else on a file system made in a file. */
async function ext4Folder(workplace) {
  const folder = workplace.folder('ext4');
  const type = await workplace.run(['findmnt', '-n', '-o', 'FSTYPE', '-T', folder]);
  if (type.trim() === 'ext4') return folder;
  const file = join(workplace.directory, 'ext4.img');
  await workplace.run(['truncate', '-s', EXT4_SIZE, file]);
  await workplace.run(['mkfs.ext4', '-q', '-F', '-N', String(EXT4_INODES), file]);
  await workplace.run(['mount', '-o', 'loop', file, folder]);
  return folder;
}
