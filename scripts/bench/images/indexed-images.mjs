// Images whose layers have indexes that others made, in each format, in the bench's registry.
import { join } from 'node:path';
import { MIB } from '../measure.mjs';
import { MAIN } from '../mounts.mjs';
import { writeChunked } from './chunked-layer.mjs';
import { chooseFiles } from './corpus.mjs';
import { writeEstargz } from './estargz-layer.mjs';
import { indexSizes } from './index-files.mjs';
import { membersOf, randomFile, surrounded } from './layer-members.mjs';
import { pushBytes, pushImage, pushManifest } from './registry.mjs';
import { writeSoci } from './soci-layer.mjs';

/** A small file of each image. */
export const SMALL_FILE = 'etc/os-release';
const OS_RELEASE = Buffer.from('PRETTY_NAME="The bench"\nID=bench\n'.repeat(8));
/** Files of random bytes before and behind it. */
const LARGE_NEIGHBOUR = 6 * MIB;
/** Uncompressed bytes of all layers. Deflated they are about 250 MB. */
const FILES_SIZE = 320_000_000;
/** Bytes of one random file of a large image. */
const RANDOM_SIZE = 50 * MIB;
/**
 * Compressed bytes of a span of SOCI that deflate stores, and the rest of its first and last page.
 */
const SPAN_UNIT = 4 * MIB + 2 * 256 * 1024;

/** Folders below `/`. Those of a line fill as many layers as the others. */
const FOLDERS = [
  ['usr/lib/*-linux-gnu'],
  ['usr/bin', 'usr/libexec'],
  ['usr/lib/python3', 'usr/lib'],
  ['usr'],
];
/** An ordinary image has about ten. */
const LAYERS = 3 * FOLDERS.length;

/**
 * Returns the members of each layer. The base one has the small file, between large ones.
 * @param randomFiles further files of a layer, of 50 MiB
 */
export async function membersOfLayers(workplace, randomFiles) {
  const taken = new Set();
  const layers = [];
  for (let number = 0; number < LAYERS; number++) {
    const shares = FOLDERS[number % FOLDERS.length].map((folder) => [folder, 1]);
    const paths = await chooseFiles(workplace, shares, FILES_SIZE / LAYERS, { taken });
    const members = membersOf(paths.filter((path) => !path.startsWith('etc')));
    for (let i = 0; i < randomFiles; i++) members.push(randomFile(`random-${number}-${i}`, RANDOM_SIZE));
    layers.push(members);
  }
  const etc = { path: 'etc/', type: 'dir', mode: 0o755, mtime: 1_700_000_000 };
  layers[0].splice(layers[0].length >> 1, 0, etc, ...surrounded(SMALL_FILE, OS_RELEASE, LARGE_NEIGHBOUR));
  return layers;
}

/**
 * Each makes an image. Of what it returns, `words` are options of `mount`, `tables` the bytes of
 * tables and entries, `unit` the bytes that are verified as one, and `indexSize` those of all
 * indexes, if they are not in the layers.
 */
export const FORMATS = {
  eStargz: (making) => inLayers(making, 'estargz', writeEstargz),
  'zstd:chunked': (making) => inLayers(making, 'chunked', writeChunked),
  'SOCI v2': soci,
  'own index, referrer': (making) => own(making, 'referrer'),
  'own index, index repository': (making) => own(making, 'repository'),
};

async function inLayers({ workplace, registry, proxy, layers, tag }, format, write) {
  const written = [];
  for (const [i, members] of layers.entries())
    written.push(await write(layerPath(workplace, `${format}-${i}`), members));
  const image = `library/${tag}-${format}:latest`;
  await pushImage(registry, image, written);
  return { reference: `${proxy.host}/${image}`, layers: written, words: [], ...tablesOf(written) };
}

const layerPath = (workplace, name) => join(workplace.folder('layers'), `indexed-${name}`);
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
const tablesOf = (written) => ({ tables: sum(written.map(({ tableSize }) => tableSize)), unit: 0 });

async function soci({ workplace, registry, proxy, layers, tag }) {
  const written = [];
  for (const [i, members] of layers.entries())
    written.push(await writeSoci(layerPath(workplace, `soci-${i}`), members));
  const repository = `library/${tag}-soci`;
  const zTocs = [];
  for (const { ztoc, digest } of written) {
    const annotations = { 'com.amazon.soci.image-layer-digest': digest };
    const pushed = await pushBytes(registry, repository, ztoc);
    zTocs.push({ mediaType: 'application/octet-stream', ...pushed, annotations });
  }
  const config = { mediaType: 'application/vnd.amazon.soci.index.v2+json' };
  const index = await pushManifest(registry, repository, undefined, {
    artifactType: config.mediaType,
    config: { ...config, ...(await pushBytes(registry, repository, Buffer.from('{}'))) },
    layers: zTocs,
  });
  const annotations = { 'com.amazon.soci.index-digest': index.digest };
  await pushImage(registry, `${repository}:latest`, written, { annotations });
  const found = tablesOf(written);
  // The file's span, which holds random bytes: deflate stores them.
  return {
    reference: `${proxy.host}/${repository}:latest`,
    layers: written,
    words: [],
    ...found,
    unit: SPAN_UNIT,
    indexSize: found.tables,
  };
}

/** Ordinary gzip layers, and their indexes by `layerslayer index --push`. */
async function own({ workplace, registry, proxy, layers, tag }, place) {
  const written = [];
  for (const [i, members] of layers.entries())
    written.push(await writeSoci(layerPath(workplace, `own-${i}`), members));
  const repository = `library/${tag}-own-${place}`;
  await pushImage(registry, `${repository}:latest`, written);
  const indexes = place === 'repository' ? `indexes/${tag}` : repository;
  const options = place === 'repository' ? ['--index-repository', `${registry}/${indexes}`] : [];
  const cache = workplace.newFolder('index-cache');
  const argv = [process.execPath, MAIN, 'index', '--quiet', '--push', '--cache-dir', cache, ...options];
  await workplace.run([...argv, `${registry}/${repository}:latest`]);
  const { entries, files } = await indexSizes(workplace, cache);
  await workplace.remove(cache);
  const words = place === 'repository' ? ['--index-repository', `${proxy.host}/${indexes}`] : ['--index=any'];
  const reference = `${proxy.host}/${repository}:latest`;
  return { reference, layers: written, words, tables: entries, unit: 0, indexSize: files };
}
