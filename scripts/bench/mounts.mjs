// The two ways to an image's files that are compared: this project's, and buildah's pull and mount.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program as it is packed. */
export const MAIN = fileURLToPath(new URL('../../dist/bin/layerslayer.js', import.meta.url));

/** A cache directory and a mountpoint of layerslayer, beside each other. */
export class Mounts {
  #workplace;
  #directory;
  #transport;
  #words;
  cache;
  mountpoint;

  /** @param words further options of `mount` */
  constructor(workplace, { transport = 'dev-fuse', words = [] } = {}) {
    this.#workplace = workplace;
    this.#transport = transport;
    this.#words = words;
    this.#directory = workplace.newFolder('mounts');
    this.cache = join(this.#directory, 'cache');
    this.mountpoint = workplace.folder(join(this.#directory.slice(workplace.directory.length + 1), 'mnt'));
  }

  /** Words of the command that mounts. */
  command(reference) {
    return [
      process.execPath,
      MAIN,
      'mount',
      '--quiet',
      '--json',
      '--transport',
      this.#transport,
      '--cache-dir',
      this.cache,
      ...this.#words,
      reference,
      this.mountpoint,
    ];
  }

  /** @returns the command's own summary */
  async mount(reference) {
    return JSON.parse(await this.#workplace.run(this.command(reference)));
  }

  /**
   * Returns the seconds from the shell's fork until the command has ended. `then` runs after it,
   * with the mountpoint as $1.
   */
  timed(reference, then = ':') {
    const quoted = this.command(reference).map((word) => `'${word}'`);
    return this.#workplace.timed(`${quoted.join(' ')} >/dev/null; ${then}`, [this.mountpoint]);
  }

  /** Returns when the daemon has ended. */
  async unmount() {
    await this.#workplace.run([process.execPath, MAIN, 'unmount', this.mountpoint]);
  }

  /** The daemon's process, as the list of mounts tells it. */
  async pid() {
    const listed = JSON.parse(await this.#workplace.run([process.execPath, MAIN, 'mounts', '--json']));
    return listed.find(({ mountpoint }) => mountpoint === this.mountpoint).pid;
  }

  async end() {
    await this.unmount();
    await this.#workplace.remove(this.#directory);
  }
}

/** Why nothing can be mounted over fuse-native here; undefined when it can. */
export async function missingFuseNative(workplace) {
  const libraries = await workplace.bash('ldconfig -p || true');
  return libraries.includes('libfuse.so.2') ? undefined : 'libfuse.so.2 (libfuse2) is not installed';
}

/**
 * Returns the seconds that buildah takes to pull into an empty store (overlay driver), mount, and
 * run `then` with the mountpoint as $1.
 */
export async function timedBuildah(workplace, reference, then) {
  const store = workplace.newFolder('buildah');
  // In its own mount namespace, so that its mounts end with it. Hides the blob cache that root's
  // buildah has for all stores, so that it neither helps nor remembers.
  const script = `
    if [ -d /var/lib/containers ]; then mount --bind "$2/hidden" /var/lib/containers; fi
    buildah=(buildah --root "$2/root" --runroot "$2/run" --storage-driver overlay)
    container=$("\${buildah[@]}" from --quiet --tls-verify=false "$1")
    set -- "$("\${buildah[@]}" mount "$container")"
    ${then}`;
  await workplace.bash('mkdir "$1/hidden"', [store]);
  await workplace.run(['sync']);
  const began = performance.now();
  await workplace.run([
    'unshare',
    '--mount',
    'bash',
    '-c',
    `set -euo pipefail; ${script}`,
    'bash',
    reference,
    store,
  ]);
  const elapsed = (performance.now() - began) / 1000;
  await workplace.remove(store);
  return elapsed;
}

/** Resident bytes of a process: now, and at the most so far. */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kib = (name) => Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(status)?.[1] ?? 0);
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
}
