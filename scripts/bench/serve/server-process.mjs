// `layerslayer serve` as a process, and what it takes of the machine.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { secondsOfThread, waitedSecondsOfThread } from '../measure.mjs';
import { MAIN, residentBytes } from '../mounts.mjs';

/** Options of Node for the server, such as `--cpu-prof --cpu-prof-dir=DIR`. */
const NODE_OPTIONS = process.env.LAYERSLAYER_BENCH_NODE?.split(' ') ?? [];

const LOOP_DELAY = fileURLToPath(new URL('./loop-delay-child.mjs', import.meta.url));

/** Clock ticks a second: USER_HZ of Linux on all common processors. (proc(5)) */
const TICKS = 100;

export class ServerProcess {
  #child;
  #loopRecord;
  address;
  token;
  stderr = '';

  /**
   * Starts a server on a free port and waits for its address.
   * @param words further options, and images
   * @param watchesLoop `loopDelay` is measured, which costs some time
   */
  static async start(workplace, words, { watchesLoop = false } = {}) {
    const server = new ServerProcess();
    const node = [...NODE_OPTIONS, ...(watchesLoop ? ['--import', LOOP_DELAY] : [])];
    const argv = [process.execPath, ...node, MAIN, 'serve', '--json', '--port', '0', ...words];
    server.#loopRecord = join(workplace.newFolder('loop'), 'delay.json');
    server.#child = workplace.start(argv, { env: { LAYERSLAYER_BENCH_LOOP: server.#loopRecord } });
    server.#child.stderr.on('data', (text) => {
      server.stderr += text;
    });
    const printed = await new Promise((resolve, reject) => {
      let text = '';
      server.#child.stdout.on('data', (chunk) => {
        text += chunk;
        if (text.includes('\n')) resolve(text);
      });
      server.#child.once('exit', () => reject(new Error(`serve ended: ${server.stderr}`)));
    });
    Object.assign(server, JSON.parse(printed));
    return server;
  }

  get pid() {
    return this.#child.pid;
  }

  get headers() {
    return { Authorization: `Bearer ${this.token}` };
  }

  /** Resident bytes of the process with all its threads, `now` and at `peak`. */
  get resident() {
    return residentBytes(this.pid);
  }

  /** CPU seconds of all its threads so far. (proc(5), /proc/pid/stat: utime and stime) */
  get cpuSeconds() {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user + system) / TICKS;
  }

  /** The thread that answers: seconds that it ran, and that it waited for a processor. */
  get answering() {
    const folder = `/proc/${this.pid}/task/${this.pid}`;
    return { ran: secondsOfThread(folder), waited: waitedSecondsOfThread(folder) };
  }

  /** How late the event loop was, in ms: `{ p99Ms, maxMs }`. Known after `end`. */
  get loopDelay() {
    return existsSync(this.#loopRecord) ? JSON.parse(readFileSync(this.#loopRecord, 'utf8')) : undefined;
  }

  /** URL of a route. */
  url(path, query = {}) {
    return `${this.address}${path}?${new URLSearchParams(query)}`;
  }

  /** Returns an answer as text. @throws unless it is 200 */
  async text(path, query, headers = {}) {
    const answer = await fetch(this.url(path, query), { headers: { ...this.headers, ...headers } });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
    return text;
  }

  async end() {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
