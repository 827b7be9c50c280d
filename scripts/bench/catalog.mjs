// `find` over cached indexes: 40 images of 25,000 entries, and one image of a million.
import { CatalogCache } from './catalog-cache.mjs';
import { interleavedLowest, seconds } from './measure.mjs';
import { MAIN } from './mounts.mjs';

const ROUNDS = 5;
/** CPU seconds for 10^6 entries, without those of the start: of the same search in an empty cache. */
const LIMIT = 0.5;

const IMAGES = 40;
const ENTRIES = 25_000;
/** Images that share a base of most of their entries. */
const SHARING = 8;
const BASE_ENTRIES = 20_000;

const SEARCHES = {
  "find '*.pem'": ['*.pem'],
  "find -i '*.PEM'": ['-i', '*.PEM'],
  "find '/usr/lib/**/*_7*.pem'": ['/usr/lib/**/*_7*.pem'],
  'find --regex with a literal': ['--regex', '/[0-9]+_module_[0-9]+\\.pem$'],
  'find --regex without one': ['--regex', '[0-9]{3}$'],
  "find --deleted '*.so*'": ['--deleted', '*.so*'],
  "find --deleted '*'": ['--deleted', '*'],
  "find --size +10M '*'": ['--size', '+10M', '*'],
  "find --mode u+s '*_1*'": ['--mode', 'u+s', '*_1*'],
};

export async function catalog({ workplace, report }) {
  const empty = workplace.newFolder('catalog');
  await (await CatalogCache.open(empty)).close();
  const many = workplace.newFolder('catalog');
  await fill(many, async (cache) => {
    for (let group = 0; group < SHARING; group++) {
      const base = await cache.layer(`base ${group}`, BASE_ENTRIES, `base${group}`);
      for (let i = 0; i < IMAGES / SHARING; i++) {
        const name = `${i}-${group}`;
        // The last one's files are others, the first ones' replace some of the base.
        const upper = await cache.layer(
          `upper ${name}`,
          ENTRIES - BASE_ENTRIES,
          i < 2 ? `base${group}` : name,
        );
        cache.image(`registry.test/app-${name}:1`, [base, upper]);
      }
    }
  });
  // 10^6 different entries: those of shared layers are counted once.
  const different = SHARING * BASE_ENTRIES + IMAGES * (ENTRIES - BASE_ENTRIES);
  const own = workplace.newFolder('catalog');
  await fill(own, async (cache) => {
    for (let i = 0; i < IMAGES; i++) {
      const layers = [await cache.layer(`own ${i}`, BASE_ENTRIES, `own${i}`)];
      layers.push(await cache.layer(`own upper ${i}`, ENTRIES - BASE_ENTRIES, i % 2 ? `own${i}` : 'x'));
      cache.image(`registry.test/own-${i}:1`, layers);
    }
  });
  const one = workplace.newFolder('catalog');
  await fill(one, async (cache) => {
    const layers = [
      await cache.layer('one', IMAGES * (ENTRIES - 1000), 'one'),
      await cache.layer('top', IMAGES * 1000, 'one'),
    ];
    cache.image('registry.test/one:1', layers);
  });

  for (const [what, words] of Object.entries(SEARCHES)) {
    const cpu = (directory) => () => cpuSeconds(workplace, directory, words);
    const lowest = await interleavedLowest(ROUNDS, {
      empty: cpu(empty),
      own: cpu(own),
      one: cpu(one),
      many: cpu(many),
    });
    const row = (place, cost, entries) =>
      report.add({
        what: `${what}, ${place}`,
        ours: `${seconds(cost - lowest.empty)} of CPU`,
        against: `start ${seconds(lowest.empty)}`,
        ratio: ((cost - lowest.empty) / entries) * 1e6,
        atMost: LIMIT,
        unit: ' s',
      });
    row('40 images of 25,000', lowest.own, IMAGES * ENTRIES);
    row('one of 10^6', lowest.one, IMAGES * ENTRIES);
    row(`40 that share layers, of ${different}`, lowest.many, IMAGES * ENTRIES);
  }
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
