// A large file of compressed layers, read from end to end through a mount, against the index pass
// of the same layer. All compressed bytes are on disk.
import { createWriteStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { compress, writeChunked } from '../images/chunked-layer.mjs';
import { chooseFiles, SHARES, tarOf, writeLayer, ZSTD } from '../images/corpus.mjs';
import { writeEstargz } from '../images/estargz-layer.mjs';
import { pushImage } from '../images/registry.mjs';
import { megabytes, secondsOfThread } from '../measure.mjs';
import { Mounts } from '../mounts.mjs';
import { PassWorkers } from '../passes/pass-workers.mjs';

/** Uncompressed bytes of the file. */
const FILE_SIZE = 300_000_000;
const FILE = 'usr.tar';
const PAIRS = 5;
/** Of the pass's rate. */
const LIMIT = 0.7;
/** As gzip's default: what is compressed less is decoded faster. */
const GZIP_LEVEL = 6;

/** Each writes a layer with the member, in parts of 4 MiB where the format has parts. */
const FORMATS = {
  zstd: ({ workplace, path }) => {
    const tar = workplace.start(['tar', '-c', '-C', dirname(path), FILE]).stdout;
    return writeLayer(workplace, 'sequential', tar, ZSTD);
  },
  eStargz: ({ layer, member }) => writeEstargz(layer, [member], GZIP_LEVEL),
  'zstd:chunked': ({ layer, member }) => writeChunked(layer, [member], compress),
};

export async function sequentialReads({ workplace, images, report }) {
  const path = join(workplace.newFolder('sequential'), FILE);
  const files = await chooseFiles(workplace, SHARES.usr, FILE_SIZE);
  await pipeline(tarOf(workplace, 'sequential', files), createWriteStream(path));
  const size = statSync(path).size;
  const member = {
    ...{ path: FILE, type: 'reg', mode: 0o644, mtime: 1_700_000_000, size },
    content: () => readFileSync(path),
  };
  const registry = await images.registry();
  for (const [format, write] of Object.entries(FORMATS)) {
    process.stderr.write(`making image ${format}\n`);
    const layer = join(workplace.folder('layers'), 'sequential');
    const written = await write({ workplace, path, layer, member });
    const image = `library/sequential-${format.toLowerCase().replace(':', '-')}:latest`;
    await pushImage(registry, image, [written]);
    await row(format, `${registry}/${image}`, written, size);
  }

  async function row(format, reference, layer, size) {
    const mounts = new Mounts(workplace);
    await mounts.mount(reference);
    const file = join(mounts.mountpoint, FILE);
    const pid = await mounts.pid();
    const read = async () => {
      await workplace.run(['dd', `if=${file}`, 'of=/dev/null', 'iflag=nocache', 'count=0', 'status=none']);
      const before = threadsOf(pid);
      const began = performance.now();
      await workplace.run(['cat', file], { stdio: ['ignore', 'ignore', 'pipe'] });
      const wall = (performance.now() - began) / 1000;
      const spent = [...threadsOf(pid)].map(([id, seconds]) => seconds - (before.get(id) ?? 0));
      return { wall, thread: Math.max(...spent) };
    };
    const passes = [];
    const reads = [];
    const workers = await PassWorkers.start(workplace, layer.path, 1);
    try {
      await read(); // all compressed bytes are on disk now
      for (let pair = 0; pair < PAIRS; pair++) {
        passes.push(await workers.run());
        reads.push(await read());
      }
    } finally {
      await workers.end();
      await mounts.end();
    }
    const add = (what, of, rest) => {
      const [pass, ours] = [passes, reads].map((all) => Math.min(...all.map((one) => one[of])));
      const rate = (elapsed) => `${megabytes(size / elapsed)}/s`;
      const against = `index pass ${rate(pass)}`;
      report.add({ what, ours: rate(ours), against, ratio: pass / ours, unit: 'x', ...rest });
    };
    add(`cat of ${megabytes(size)}, ${format}, off the disk cache`, 'wall', { atLeast: LIMIT });
    add('  … processor time of the busiest thread', 'thread', {});
  }
}

/** Processor seconds of a process's threads, by their ids. */
function threadsOf(pid) {
  const folder = `/proc/${pid}/task`;
  return new Map(readdirSync(folder).map((id) => [id, secondsOfThread(join(folder, id))]));
}
