// `export` against curl | gunzip | tar x of all layers: processor time of all threads, and memory.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { interleavedLowest, MIB, megabytes, mib, seconds } from './measure.mjs';
import { MAIN, residentBytes } from './mounts.mjs';

const ROUNDS = 5;
const SAMPLE_MS = 20;

const CPU_LIMIT = 2; // of the pipeline's
const MEMORY_LIMIT = 200 * MIB;

/** Seconds of user and system, as bash's `time` says them. */
const TIMED = 'TIMEFORMAT="%U %S"; time';

const PIPELINE = `
  work() { for url in "\${@:2}"; do curl -sf "$url" | gunzip | tar -x -C "$1"; done; }
  ${TIMED} work "$@"`;
const EXPORT = `${TIMED} "$@" >/dev/null`;

export async function exportTree({ workplace, images, report }) {
  const image = await images.usr();
  const [host, path] = [await images.registry(), image.path.split(':')[0]];
  const urls = image.layers.map(({ digest }) => `http://${host}/v2/${path}/blobs/${digest}`);
  const cache = workplace.newFolder('export');
  let peak = 0;
  const timed = async (script, words) => {
    await workplace.run(['sync']);
    const child = workplace.start(['bash', '-euo', 'pipefail', '-c', script, 'bash', ...words]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.stdout.resume();
    const ended = new Promise((resolve) => child.once('close', resolve));
    let status;
    void ended.then((code) => {
      status = code ?? 'a signal';
    });
    while (status === undefined) {
      for (const pid of programsOf(child.pid)) peak = Math.max(peak, residentBytes(pid).peak);
      await sleep(SAMPLE_MS);
    }
    if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`);
    const [user, system] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
    return user + system;
  };
  const exported = () =>
    timed(EXPORT, [process.execPath, MAIN, 'export', '--quiet', '--cache-dir', cache, image.reference]);

  const { theirs, cold, indexed } = await interleavedLowest(ROUNDS, {
    theirs: async () => {
      const folder = workplace.newFolder('untarred');
      const spent = await timed(PIPELINE, [folder, ...urls]);
      await workplace.remove(folder);
      return spent;
    },
    cold: async () => {
      await workplace.remove(cache);
      return exported();
    },
    indexed: exported,
  });
  const what = `export, ${megabytes(image.size)} in ${image.layers.length} layers, CPU`;
  const add = (which, ours) =>
    report.add({
      what: `${what}, ${which}`,
      ours: seconds(ours),
      against: `curl | gunzip | tar x ${seconds(theirs)}`,
      ratio: ours / theirs,
      atMost: CPU_LIMIT,
    });
  add('indexed', indexed);
  add('with the index pass', cold);
  report.add({
    what: 'export, memory at most',
    ours: mib(peak),
    against: `limit ${mib(MEMORY_LIMIT)}`,
    ratio: peak / MEMORY_LIMIT,
    atMost: 1,
  });
}

/** Our program among a shell's children. */
function programsOf(shell) {
  const isOurs = (pid) => /^\d+$/.test(pid) && commandOf(pid).includes(MAIN) && parentOf(pid) === shell;
  return readdirSync('/proc').filter(isOurs);
}

const commandOf = (pid) => textOf(`/proc/${pid}/cmdline`).split('\0');
const parentOf = (pid) => Number(/^PPid:\s*(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1]);

function textOf(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
