// The images that are mounted, each made when a section first asks for it.
import { join } from 'node:path';
import { chooseFiles, corpusOf, tarOf, writeLayer, ZSTD } from './corpus.mjs';
import { pushImage, startRegistry } from './registry.mjs';
import { changedFilesTar, smallFilesTar } from './small-files.mjs';
import { wheelsTar } from './wheels.mjs';

/** Uncompressed bytes of each of the four layers; deflated together they are about 240 MB. */
const USR_LAYER_SIZE = 170_000_000;

/** Uncompressed bytes of a layer in one zstd frame. */
const ZSTD_LAYER_SIZE = 500_000_000;
/** Bytes of the files in all wheels. */
const WHEELS_SIZE = 300_000_000;

/** Small files of one directory. */
export const FILES_OF_DIRECTORY = 500;

/** Files of random bytes: deflate stores them. */
export const LARGE_FILES = ['random-1', 'random-2'];
export const LARGE_FILE_SIZE = 512_000_000;

/** A layer's folders below `/`, as in an image: libraries, programs, languages, the rest. */
const USR_LAYERS = [
  ['etc/os-release', 'usr/lib/os-release', 'usr/lib/*-linux-gnu'],
  ['usr/bin', 'usr/sbin', 'usr/libexec'],
  ['usr/lib/python3', 'usr/lib/gcc', 'usr/lib/git-core', 'usr/lib/node_modules', 'usr/lib'],
  ['usr/share', 'usr/include', 'usr'],
];

export class Images {
  #workplace;
  #registry;
  #made = new Map();

  constructor(workplace) {
    this.#workplace = workplace;
  }

  /** Four layers of the machine's /usr. */
  usr() {
    return this.#image('usr', async () => {
      const taken = new Set();
      const layers = [];
      for (const [i, folders] of USR_LAYERS.entries()) {
        const shares = folders.map((folder) => [folder, 1]);
        const files = await chooseFiles(this.#workplace, shares, USR_LAYER_SIZE, { taken });
        layers.push(await writeLayer(this.#workplace, `usr-${i}`, tarOf(this.#workplace, `usr-${i}`, files)));
      }
      return layers;
    });
  }

  /** /usr, text or wheels in one layer, a single zstd frame. */
  zstd(kind) {
    return this.#image(`zstd-${kind}`, async () => {
      if (kind !== 'wheels') return [await corpusOf(kind, ZSTD_LAYER_SIZE, this.#workplace, ZSTD)];
      const tar = await wheelsTar(this.#workplace, WHEELS_SIZE);
      return [await writeLayer(this.#workplace, kind, tar, ZSTD)];
    });
  }

  /** One layer of small files, 500 a directory. */
  smallFiles(files) {
    return this.#image(`small-${files}`, async () => {
      const tar = smallFilesTar(files, files / FILES_OF_DIRECTORY);
      return [await writeLayer(this.#workplace, `small-${files}`, tar)];
    });
  }

  /** As `smallFiles`, with a layer above that replaces some and removes some. */
  changedFiles(files) {
    return this.#image(`changed-${files}`, async () => {
      const directories = files / FILES_OF_DIRECTORY;
      return [
        await writeLayer(this.#workplace, `small-${files}`, smallFilesTar(files, directories)),
        await writeLayer(this.#workplace, `changed-${files}`, changedFilesTar(files, directories)),
      ];
    });
  }

  /** One layer of small files, all in one directory. */
  largeDirectory(files) {
    return this.#image(`directory-${files}`, async () => [
      await writeLayer(this.#workplace, `directory-${files}`, smallFilesTar(files, 1)),
    ]);
  }

  /** One layer of large files. */
  large() {
    return this.#image('large', async () => {
      const folder = this.#workplace.newFolder('large');
      for (const name of LARGE_FILES) {
        await this.#workplace.bash('head -c "$1" /dev/urandom >"$2"', [
          String(LARGE_FILE_SIZE),
          join(folder, name),
        ]);
      }
      const argv = ['tar', '-c', '-C', folder, ...LARGE_FILES];
      const tar = this.#workplace.start(argv, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
      const layer = await writeLayer(this.#workplace, 'large', tar);
      await this.#workplace.remove(folder);
      return [layer];
    });
  }

  /** Where the registry listens: `127.0.0.1:PORT`. */
  registry() {
    this.#registry ??= startRegistry(this.#workplace);
    return this.#registry;
  }

  #image(name, makeLayers) {
    let image = this.#made.get(name);
    if (!image) {
      process.stderr.write(`making image ${name}\n`);
      image = this.#push(name, makeLayers);
      this.#made.set(name, image);
    }
    return image;
  }

  async #push(name, makeLayers) {
    const host = await this.registry();
    const layers = await makeLayers();
    const path = `library/${name}:latest`;
    await pushImage(host, path, layers);
    const size = layers.reduce((sum, layer) => sum + layer.size, 0);
    const tarSize = layers.reduce((sum, layer) => sum + layer.tarSize, 0);
    return { path, reference: `${host}/${path}`, layers, size, tarSize };
  }
}
