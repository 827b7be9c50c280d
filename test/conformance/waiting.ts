import { expect, test } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { MemoryFs } from '../fuse/memory-fs.js';
import { until } from '../fuse/mounting.js';
import { attempt, run } from '../support/child.js';
import { elsewhere, startElsewhere } from './elsewhere.js';
import type { Scene, Subject } from './scene.js';

const MIB = 2 ** 20;

/** Reads past the page cache, so that the kernel waits for us in the reader's own name. */
const direct = (path: string, started?: (pid: number) => void) =>
  attempt('dd', [`if=${path}`, 'of=/dev/null', 'iflag=direct', 'bs=4096', 'count=1'], { started });

export const waiting: Subject = {
  name: 'waiting',
  tests(scene) {
    test('for what fails is EIO, whatever failed and whenever; the log tells, and the next read is tried', async () => {
      const fs = new MemoryFs();
      let isBroken = true;
      const fails = (name: string, fail: () => Promise<never>) =>
        fs.device(fs.root, name, 4096, () => (isBroken ? fail() : Buffer.alloc(4096, name)));
      fails('digest', () => {
        throw new LayerslayerError('DIGEST_MISMATCH', 'page 0 of the layer');
      });
      fails('away', async () => {
        throw new LayerslayerError('REGISTRY_UNAVAILABLE', 'no answer');
      });
      fails('lost', async () => {
        throw new LayerslayerError('NOT_FOUND', 'the blob is gone');
      });
      fails('denied', async () => {
        throw new LayerslayerError('UNAUTHORIZED', 'the token has run out');
      });
      fails('bug', () => {
        throw new TypeError('of undefined');
      });
      const { mountpoint, log } = await scene.mountFs(fs);
      const read = () =>
        elsewhere(
          ({ fs: system, errorOf }, at) =>
            system.readdirSync(at).map((name) => errorOf(() => system.readFileSync(`${at}/${name}`))),
          mountpoint,
        );
      expect(await read()).toEqual(['EIO', 'EIO', 'EIO', 'EIO', 'EIO']);
      for (const part of ['page 0', 'no answer', 'the blob is gone', 'has run out', 'of undefined'])
        expect(log.join('\n')).toContain(part);
      // The kernel asks twice: for what it reads ahead, and for the page itself.
      expect(log.filter((line) => line.includes('no answer'))).toEqual([
        'error: reading /away at 0: no answer',
      ]);
      isBroken = false;
      expect(await read()).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    });

    test('holds up no other reader', async () => {
      const { at, gates, isOpen } = await gated(scene);
      const readers = Array.from({ length: 10 }, () => direct(at('gated')));
      await until(() => gates.length === 10);
      // The kernel allows a connection only so many requests for what is read ahead.
      readers.push(attempt('cat', [at('ahead')]));
      await until(() => gates.length > 10);
      expect((await run('cat', [at('small')])).stdout).toBe('small');
      expect((await run('ls', ['-la', at('')])).stdout).toContain('small');
      expect((await attempt('stat', [at('nothing')])).stderr).toContain('No such file');
      expect((await run('stat', ['-f', '-c', '%l', at('')])).stdout).toBe('255\n');
      isOpen.value = true;
      for (const { answer } of gates) answer();
      for (const { status } of await Promise.all(readers)) expect(status).toBe(0);
    });

    scene.carriedOrUntried(
      'interrupts',
      'ends with the process that is interrupted or killed, and the work with it',
      async () => {
        const { at, gates } = await gated(scene);
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
          const before = gates.length;
          let pid = 0;
          const reader = direct(at('gated'), (its) => {
            pid = its;
          });
          await until(() => gates.length > before);
          expect(gates[before]?.signal.aborted).toBe(false);
          process.kill(pid, signal);
          expect((await reader).signal).toBe(signal);
          await until(() => gates[before]!.signal.aborted);
        }
        expect((await run('cat', [at('small')])).stdout).toBe('small');
      },
    );

    scene.carriedOrUntried('interrupts', 'is EINTR for a process that handles the signal', async () => {
      const { at, gates } = await gated(scene);
      let pid = 0;
      const told = startElsewhere(
        (its) => {
          pid = its;
        },
        ({ fs, libc, errorOf, Buffer: bytes }, path) => {
          process.on('SIGUSR2', () => {});
          const descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
          return errorOf(() => libc.read(descriptor, bytes.alloc(4096), 4096));
        },
        at('gated'),
      );
      await until(() => gates.length === 1);
      process.kill(pid, 'SIGUSR2');
      expect(await told).toBe('EINTR');
      expect(gates[0]?.signal.aborted).toBe(true);
    });

    test('ends when the mount is aborted: the readers fail', async () => {
      const { at, gates, mounted } = await gated(scene);
      const readers = [direct(at('gated')), attempt('cat', [at('gated')])];
      await until(() => gates.length > 1);
      await mounted.abort();
      await mounted.closed;
      for (const { status } of await Promise.all(readers)) expect(status).toBe(1);
      expect(gates.every(({ signal }) => signal.aborted)).toBe(true);
    });
  },
};

interface Gate {
  answer: () => void;
  signal: AbortSignal;
}

/** Of what is read one after the other the kernel reads ahead more and more. */
const ANSWERED_AT_ONCE = 8 * MIB; // bytes of `ahead`

/**
 * A mount with files whose reads wait at gates until all are open, and a `small` one whose reads
 * come once, but later.
 */
async function gated(scene: Scene) {
  const fs = new MemoryFs();
  const gates: Gate[] = [];
  const isOpen = { value: false };
  const waits = (length: number, signal: AbortSignal | undefined) =>
    new Promise<Uint8Array>((resolve) => {
      gates.push({ answer: () => resolve(Buffer.alloc(length)), signal: signal! });
    });
  fs.device(fs.root, 'gated', MIB, (_, length, signal) => waits(length, signal));
  fs.device(fs.root, 'ahead', 32 * MIB, (offset, length, signal) =>
    isOpen.value || offset < ANSWERED_AT_ONCE ? Buffer.alloc(length) : waits(length, signal),
  );
  fs.device(fs.root, 'small', 5, async () => Buffer.from('small'));
  const { mountpoint, mounted } = await scene.mountFs(fs);
  return { at: (name: string) => `${mountpoint}/${name}`, gates, isOpen, mounted };
}
