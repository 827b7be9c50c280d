import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { noise } from '../blob/bytes.js';
import { attempt, type Ended } from '../support/child.js';
import { FaultProxy, stallAfter } from '../support/fault-proxy.js';
import { until, Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';
import type { Subject } from './scene.js';

/** Larger than what is read ahead, so that each is asked for by itself. */
const FILES = 3;
const FILE_SIZE = 12_000_000; // bytes

/** For a machine that is busy; a read over a registry that is dead waits for a minute. */
const DEADLINE_MS = 20_000;

/** The program as it is: its daemon, its cache, and a registry behind it that dies. */
export const daemon: Subject = {
  name: 'daemon',
  tests(scene) {
    let registry: TestRegistry;
    let proxy: FaultProxy;
    let place: Workplace;
    let mountpoint: string;

    beforeAll(async () => {
      registry = await startRegistry();
      const files = Array.from({ length: FILES }, (_, i) => file(`dir/${i}`, noise(FILE_SIZE, i + 1)));
      await pushImage(registry, 'library/app:latest', { layers: [tarOf(dir('dir/'), ...files)] });
    });
    afterAll(() => registry?.stop());

    beforeEach(async () => {
      proxy = await FaultProxy.start({ target: registry.url });
      place = new Workplace();
      const options = ['--transport', scene.name, '--cache-size', '0'];
      mountpoint = await place.mount(`${proxy.host}/library/app:latest`, 'mnt', options);
    });
    afterEach(async () => {
      await place?.cleanUp();
      await proxy?.stop();
    });

    const at = (number: number) => `${mountpoint}/dir/${number}`;

    /** From now on the registry takes requests and says nothing. */
    const die = () => {
      proxy.rules.push({ path: /./, fault: stallAfter(0) });
      proxy.cutConnections();
    };

    /** Starts a reader, and waits until the registry is asked for what it reads. */
    const startReader = async (command: string, ...args: string[]) => {
      const before = proxy.requests(/blobs/).length;
      const reader = { pid: 0, hasEnded: false };
      const ended: Promise<Ended> = attempt(command, args, {
        started: (pid) => {
          reader.pid = pid;
        },
      }).finally(() => {
        reader.hasEnded = true;
      });
      await until(
        () => proxy.requests(/blobs/).length > before || reader.hasEnded,
        DEADLINE_MS,
        () => `${command} asked for nothing`,
      );
      return Object.assign(reader, { ended });
    };
    const cat = (number: number) => startReader('cat', at(number));
    const direct = (number: number) =>
      startReader('dd', `if=${at(number)}`, 'of=/dev/null', 'iflag=direct', 'bs=4096');

    test('killed while reads wait: they fail at once, and nothing is left', async () => {
      die();
      const readers = [await cat(0), await direct(1)];
      expect(readers.map(({ hasEnded }) => hasEnded)).toEqual([false, false]);
      process.kill(place.processes()[0]!, 'SIGKILL');
      for (const { ended } of readers) expect((await ended).status).toBe(1);
      expect((await attempt('stat', ['-f', mountpoint])).stderr).toMatch(/not connected|connection abort/);
      expect((await attempt('cat', [at(2)])).status).toBe(1);
      await place.unmount(mountpoint);
      expect(await place.leftovers()).toEqual([]);
    });

    test('over a dead registry a cat ends at Ctrl-C, what waits waits on, and others are served', async () => {
      die();
      const other = await cat(0);
      const interrupted = await cat(1);
      process.kill(interrupted.pid, 'SIGINT');
      expect((await interrupted.ended).signal).toBe('SIGINT');
      // It ended before its answer came: the one that was asked earlier has none yet.
      expect(other.hasEnded).toBe(false);
      expect((await attempt('ls', [`${mountpoint}/dir`])).stdout).toBe('0\n1\n2\n');
      process.kill(other.pid, 'SIGINT');
      await other.ended;
    });

    scene.carriedOrUntried(
      'interrupts',
      'over a dead registry an O_DIRECT read ends at Ctrl-C too',
      async () => {
        die();
        const other = await direct(0);
        const interrupted = await direct(1);
        process.kill(interrupted.pid, 'SIGINT');
        expect((await interrupted.ended).signal).toBe('SIGINT');
        expect(other.hasEnded).toBe(false);
        process.kill(other.pid, 'SIGKILL');
        expect((await other.ended).signal).toBe('SIGKILL');
      },
    );

    test('unmounted lazily while reads wait over a dead registry, it ends, and so do they', async () => {
      die();
      const reader = await cat(0);
      expect((await place.layerslayer(['unmount', mountpoint])).status).toBe(20);
      expect((await place.layerslayer(['unmount', '--lazy', mountpoint])).status).toBe(0);
      expect(place.mounts()).toEqual([]);
      process.kill(reader.pid, 'SIGINT');
      await reader.ended;
      expect(await place.leftovers()).toEqual([]);
    });
  },
};
