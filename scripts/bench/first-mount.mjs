// An image that is new to this machine: the time until its first file is read, and until all are.
import { interleaved, megabytes, seconds } from './measure.mjs';
import { Mounts, timedBuildah } from './mounts.mjs';

const ROUNDS = 3;

const FIRST_FILE_LIMIT = 0.3; // of buildah's time
const WHOLE_TREE_LIMIT = 0.7;

export function firstMount(bench) {
  return againstBuildah(bench, {
    what: 'first mount + cat etc/os-release',
    read: 'cat "$1/etc/os-release" >/dev/null',
    atMost: FIRST_FILE_LIMIT,
  });
}

export function wholeTree(bench) {
  return againstBuildah(bench, {
    what: 'first mount + tar of the whole tree',
    // GNU tar does not read files when it writes to /dev/null.
    read: 'tar -c -C "$1" . | cat >/dev/null',
    atMost: WHOLE_TREE_LIMIT,
  });
}

async function againstBuildah({ workplace, images, report }, { what, read, atMost }) {
  const image = await images.usr();
  const { ours, theirs } = await interleaved(ROUNDS, {
    theirs: () => timedBuildah(workplace, image.reference, read),
    ours: async () => {
      const mounts = new Mounts(workplace);
      const elapsed = await mounts.timed(image.reference, read);
      await mounts.end();
      return elapsed;
    },
  });
  report.add({
    what: `${what}, ${megabytes(image.size)} in ${image.layers.length} layers`,
    ours: seconds(ours),
    against: `buildah ${seconds(theirs)}`,
    ratio: ours / theirs,
    atMost,
  });
}
