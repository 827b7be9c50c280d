import { MIN_LETTERS, oneSlipAway } from './one-slip.js';

const REMOVING =
  'layerslayer unmount DIR ends a mount, layerslayer cache rm IMAGE removes what is cached, and ' +
  'layerslayer index rm IMAGE what is published';
const LISTING =
  'layerslayer ls IMAGE [PATH] lists what an image holds, and layerslayer mounts what is mounted';
const EXTRACTING = 'layerslayer cp IMAGE PATH DEST copies a file or a directory out';

/** Commands of other tools that users try here, with their equivalent. Our own go first. */
const ADVICE: Readonly<Record<string, string>> = {
  list: LISTING,
  extract: EXTRACTING,
  unpack: EXTRACTING,
  pull: 'layerslayer save IMAGE downloads layers; layerslayer mount needs no download',
  copy: 'layerslayer save --format oci DIR IMAGE copies an image',
  load: 'layerslayer mount docker-archive:FILE DIR opens an archive as it is',
  run: 'layerslayer mount IMAGE DIR shows the files; no program is run',
  images: 'layerslayer cache ls lists what is cached',
  ps: 'layerslayer mounts lists what is mounted',
  rm: REMOVING,
  remove: REMOVING,
  delete: REMOVING,
  rmi: 'layerslayer cache rm IMAGE removes what is cached of an image',
  history: 'layerslayer inspect IMAGE shows the build steps',
  digest: 'layerslayer inspect --digest IMAGE prints the digest',
  manifest: 'layerslayer inspect --raw IMAGE prints the manifest',
  config: 'layerslayer inspect IMAGE shows manifest and config',
  push: 'skopeo copy pushes an image; layerslayer only reads',
  exec: 'layerslayer mount IMAGE DIR shows the files; no program is run',
  auth: 'docker login stores credentials, which layerslayer reads',
  login: 'docker login stores credentials, which layerslayer reads',
};

const MISTAKABLE = Object.keys(ADVICE).filter((word) => word.length >= MIN_LETTERS);

/**
 * Returns the equivalent of a command that does not exist here.
 * @param words the first bare word and those after it. `layerslayer ls /mnt` mounts the image `ls`:
 *   a lone absolute path is a mountpoint, as mount(8) passes it
 */
export function foreignAdvice(words: readonly string[]): string | undefined {
  const [first] = words;
  if (first === undefined || !Object.hasOwn(ADVICE, first) || isMount(words)) return undefined;
  return ADVICE[first];
}

/** As `foreignAdvice`, of a mistyped command: `pul nginx`. */
export function foreignNearMiss(words: readonly string[]): string | undefined {
  const meant = isMount(words) ? undefined : oneSlipAway(words[0] ?? '', MISTAKABLE);
  return meant === undefined ? undefined : ADVICE[meant];
}

function isMount([, second, ...more]: readonly string[]): boolean {
  return second?.startsWith('/') === true && more.length === 0;
}
