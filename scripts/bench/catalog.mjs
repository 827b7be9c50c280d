// `find` over cached indexes: 40 images of 25,000 entries, and one image of a million.
import { CatalogCache } from './images/catalog-cache.mjs';
import { interleavedLowest, seconds } from './measure.mjs';
import { MAIN } from './mounts.mjs';

const ROUNDS = 3;
/** CPU seconds for 10^6 entries, beside those of the same search in an empty cache. */
const LIMIT = 0.5;

const IMAGES = 40;
/** Entries of an image's layers, base first. The last layer replaces files of the base. */
const ENTRIES = [20_000, 4_500, 500];
const TOTAL = IMAGES * ENTRIES.reduce((sum, one) => sum + one, 0);
/** Groups of images that share a base. */
const GROUPS = 8;

const SEARCHES = {
  "'*.pem'": ['*.pem'],
  "-i '*.PEM'": ['-i', '*.PEM'],
  "'/usr/lib/**/*_7*.pem'": ['/usr/lib/**/*_7*.pem'],
  "--regex '_[0-9]+\\.pem$'": ['--regex', '_[0-9]+\\.pem$'],
  "--regex '/9[0-9]_.*9[0-9]$'": ['--regex', '/9[0-9]_.*9[0-9]$'],
  "--deleted '*.pem'": ['--deleted', '*.pem'],
  "--deleted '*'": ['--deleted', '*'],
  "--size +10M '*'": ['--size', '+10M', '*'],
  "--mode u+s '*'": ['--mode', 'u+s', '*'],
};

export async function catalog({ workplace, report }) {
  const empty = workplace.newFolder('catalog');
  await fill(empty, async () => {});
  const own = workplace.newFolder('catalog');
  await fill(own, async (cache) => {
    for (let i = 0; i < IMAGES; i++)
      cache.image(`registry.test/own-${i}:1`, await layersOf(cache, `own${i}`));
  });
  const one = workplace.newFolder('catalog');
  await fill(one, async (cache) => cache.image('registry.test/one:1', await layersOf(cache, 'one', IMAGES)));
  const shared = workplace.newFolder('catalog');
  await fill(shared, async (cache) => {
    for (let i = 0; i < IMAGES; i++) {
      const [base] = await layersOf(cache, `base${i % GROUPS}`);
      const [, ...upper] = await layersOf(cache, `shared${i}`);
      cache.image(`registry.test/shared-${i}:1`, [base, ...upper]);
    }
  });

  for (const [what, words] of Object.entries(SEARCHES)) {
    const cpu = (directory) => () => cpuSeconds(workplace, directory, words);
    const lowest = await interleavedLowest(ROUNDS, {
      empty: cpu(empty),
      own: cpu(own),
      one: cpu(one),
      shared: cpu(shared),
    });
    const row = (place, cost) =>
      report.add({
        what: `find ${what}, ${place}`,
        ours: `${seconds(cost - lowest.empty)} of CPU`,
        against: `start ${seconds(lowest.empty)}`,
        ratio: (cost - lowest.empty) / (TOTAL / 1e6),
        atMost: LIMIT,
        unit: ' s',
      });
    row(`${IMAGES} images of ${TOTAL / IMAGES}`, lowest.own);
    row(`one of ${TOTAL}`, lowest.one);
    row(`${IMAGES} images on ${GROUPS} bases`, lowest.shared);
  }
}

/** Writes the layers of an image. @param times so many entries */
async function layersOf(cache, name, times = 1) {
  const [base, upper, top] = ENTRIES.map((entries) => entries * times);
  return [
    await cache.layer(`${name} base`, base, name),
    await cache.layer(`${name} upper`, upper, `${name}-upper`),
    await cache.layer(`${name} top`, top, name),
  ];
}

async function fill(directory, write) {
  const cache = await CatalogCache.open(directory);
  await write(cache);
  await cache.close();
}

/** User and system time of all threads, as the shell counts them. */
async function cpuSeconds(workplace, directory, words) {
  const script = 'TIMEFORMAT="%U %S"; time { "$@" > /dev/null || test $? = 1; }';
  const text = await workplace.bash(`{ ${script}; } 2>&1`, [
    process.execPath,
    MAIN,
    'find',
    '--quiet',
    '--cache-dir',
    directory,
    ...words,
  ]);
  const [user, system] = text.trim().split('\n').at(-1).split(' ').map(Number);
  if (!(user >= 0 && system >= 0)) throw new Error(`find ${words.join(' ')}: ${text}`);
  return user + system;
}
