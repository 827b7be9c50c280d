// CPU time of `diff` between two tags of one image whose top layers differ, once both are indexed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chooseFiles, tarOf, writeLayer } from './images/corpus.mjs';
import { pushImage } from './images/registry.mjs';
import { interleavedLowest, mib, seconds } from './measure.mjs';
import { MAIN } from './mounts.mjs';

/** Uncompressed bytes of what both tags share, and of the top layer of each. */
const SHARED_SIZE = 460_000_000;
const TOP_SIZE = 40_000_000;
const SHARED_LAYERS = 3;

/** Of so many files of the second top layer, one has other contents. */
const CHANGED_ONE_OF = 20;

const ROUNDS = 3;

/** CPU seconds beside those of a start. */
const LIMIT = 1;

export async function diff({ workplace, images, report }) {
  const host = await images.registry();
  const { shared, tops } = await layersOf(workplace);
  const tags = ['old', 'rebuilt', 'reordered'];
  for (const [i, tag] of tags.entries()) await pushImage(host, `library/diff:${tag}`, [...shared, tops[i]]);
  const reference = (tag) => `${host}/library/diff:${tag}`;
  const cache = workplace.folder('diff-cache');
  const cpu = (command, ...words) =>
    cpuSeconds(workplace, [process.execPath, MAIN, command, '--cache-dir', cache, ...words]);
  for (const tag of tags) await cpu('diff', reference('old'), reference(tag));

  const times = await interleavedLowest(ROUNDS, {
    start: () => cpu('ls', reference('old'), '/usr'),
    rebuilt: () => cpu('diff', reference('old'), reference('rebuilt')),
    reordered: () => cpu('diff', reference('old'), reference('reordered')),
  });
  for (const tag of tags.slice(1)) {
    const beside = times[tag] - times.start;
    report.add({
      what: `diff, 500 MB, ${mib(TOP_SIZE)} on top ${tag}, CPU beside start-up`,
      ours: seconds(beside),
      against: `ls ${seconds(times.start)}`,
      ratio: beside,
      atMost: LIMIT,
      unit: ' s',
    });
  }
}

/** The shared layers, and three top layers: the old one, one rebuilt, one in another order. */
async function layersOf(workplace) {
  const taken = new Set();
  const choose = (size) => chooseFiles(workplace, [['usr', 1]], size, { taken });
  const shared = [];
  for (let i = 0; i < SHARED_LAYERS; i++) {
    const name = `diff-${i}`;
    shared.push(
      await writeLayer(workplace, name, tarOf(workplace, name, await choose(SHARED_SIZE / SHARED_LAYERS))),
    );
  }
  const folder = workplace.newFolder('diff-top');
  const list = join(workplace.folder('lists'), 'diff-top');
  writeFileSync(list, (await choose(TOP_SIZE)).map((path) => `${path}\0`).join(''));
  mkdirSync(folder, { recursive: true });
  await workplace.bash('tar -c -C / --no-recursion --null -T "$1" | tar -x -C "$2"', [list, folder]);
  const layer = async (name, sort) => {
    const script = `cd "$1"; find . -mindepth 1 -print0 | LC_ALL=C sort -z ${sort} | tar -c --numeric-owner --no-recursion --null -T -`;
    const child = workplace.start(['bash', '-c', script, 'bash', folder], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return writeLayer(workplace, `diff-top-${name}`, child.stdout);
  };
  const old = await layer('old', '');
  const change = `cd "$1"; find . -type f -size +0 | LC_ALL=C sort | awk "NR % ${CHANGED_ONE_OF} == 0" |
    while IFS= read -r path; do printf X | dd of="$path" bs=1 conv=notrunc status=none; done; find . -exec touch -h -d @1700000000 {} +`;
  await workplace.bash(change, [folder]);
  const tops = [old, await layer('rebuilt', ''), await layer('reordered', '-R')];
  await workplace.remove(folder);
  return { shared, tops };
}

/** User and system time of a command and its threads, whatever its status. */
async function cpuSeconds(workplace, argv) {
  const script = 'TIMEFORMAT="%U %S"; time { "$@" >/dev/null 2>&1 || [ $? -eq 1 ]; }';
  const printed = await workplace.run(['bash', '-c', `{ ${script}; } 2>&1`, 'bash', ...argv]);
  const [user, system] = printed.trim().split(' ').map(Number);
  return user + system;
}
