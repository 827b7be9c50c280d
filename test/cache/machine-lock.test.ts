import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { abstractSocketName, isHeldByUser } from '#dist/cache/abstract-socket.js';
import { withMachineLock } from '#dist/cache/machine-lock.js';
import { Child } from './child.js';
import { cleanUp, IS_ROOT, NOBODY, onCleanUp, scratchDirectory } from './scratch.js';

const USER = process.geteuid?.() ?? 0;

afterEach(cleanUp);

describe('withMachineLock', () => {
  test('gives what the task gives and throws what it throws, and is free again', async () => {
    const name = randomUUID();
    const fault = new Error('the task');
    await expect(withMachineLock(name, async () => 7)).resolves.toBe(7);
    await expect(withMachineLock(name, () => Promise.reject(fault))).rejects.toBe(fault);
    let waited = 0;
    await withMachineLock(name, async () => {}, { onWait: () => waited++ });
    expect(waited).toBe(0);
  });

  test('one task at a time in one process; each waiter is told once', async () => {
    const name = randomUUID();
    let inside = 0;
    let most = 0;
    let waited = 0;
    const task = async () => {
      most = Math.max(most, ++inside);
      await delay(2);
      inside--;
    };
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => withMachineLock(name, task, { onWait: () => waited++ })));
    expect([most, waited]).toEqual([1, 5]);
  });

  test('different names do not wait for each other', async () => {
    await withMachineLock(randomUUID(), () => withMachineLock(randomUUID(), async () => {}));
  });

  test('one task at a time across processes', async () => {
    const name = randomUUID();
    const file = join(scratchDirectory(), 'count');
    writeFileSync(file, '0');
    const children = [1, 2, 3, 4].map(() => new Child('count-under-lock.mjs', [name, file, '25']));
    expect(await Promise.all(children.map((child) => child.end()))).toEqual([0, 0, 0, 0]);
    expect(readFileSync(file, 'utf8')).toBe('100');
  });

  test('a killed holder releases it, and the waiter is woken', async () => {
    const name = randomUUID();
    const holder = new Child('hold-lock.mjs', [name]);
    expect(await holder.line()).toBe('held');
    const waiting = withMachineLock(name, async () => 'mine', { onWait: () => void holder.kill() });
    expect(await waiting).toBe('mine');
  });

  test('a holder that ends its task releases it and ends by itself', async () => {
    const name = randomUUID();
    const holder = new Child('hold-lock.mjs', [name]);
    await holder.line();
    const waiting = withMachineLock(name, async () => 'mine', { onWait: () => holder.process.stdin?.end() });
    expect(await waiting).toBe('mine');
    expect(await holder.line()).toBe('released');
    expect(await holder.end()).toBe(0);
  });

  test('a killed waiter harms nobody', async () => {
    const name = randomUUID();
    await withMachineLock(name, async () => {
      const waiter = new Child('hold-lock.mjs', [name]);
      await delay(200); // long enough for it to wait; if it doesn't yet, the test only proves less
      await waiter.kill();
    });
    await withMachineLock(name, async () => {});
  });

  test('a terminated worker thread releases it', async () => {
    const name = randomUUID();
    const worker = new Worker(new URL('children/hold-lock.mjs', import.meta.url), {
      argv: [name],
      stdin: true,
      stdout: true,
    });
    onCleanUp(() => void worker.terminate());
    await new Promise((resolve) => worker.stdout.once('data', resolve));
    const waiting = withMachineLock(name, async () => 'mine', { onWait: () => void worker.terminate() });
    expect(await waiting).toBe('mine');
  });

  test('an aborted waiter leaves with the reason, the holder stays', async () => {
    const name = randomUUID();
    const reason = new Error('enough');
    const aborter = new AbortController();
    let ran = false;
    await withMachineLock(name, async () => {
      const task = async () => {
        ran = true;
      };
      const waiting = withMachineLock(name, task, {
        signal: aborter.signal,
        onWait: () => aborter.abort(reason),
      });
      await expect(waiting).rejects.toBe(reason);
      const late = withMachineLock(name, task, { signal: aborter.signal });
      await expect(late).rejects.toBe(reason);
    });
    expect(ran).toBe(false);
  });

  test('a holder of ours is known as ours', async () => {
    const name = randomUUID();
    const socket = abstractSocketName(name, USER);
    expect(await isHeldByUser(socket, USER)).toBe(undefined);
    const holder = new Child('hold-lock.mjs', [name]);
    await holder.line();
    expect(await isHeldByUser(socket, USER)).toBe(true);
  });

  test('names fill the address and differ by user and by name', () => {
    const names = [
      abstractSocketName('a', 0),
      abstractSocketName('b', 0),
      abstractSocketName('a', 2 ** 32 - 2),
    ];
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{107}$/);
  });
});

describe.runIf(IS_ROOT)('a name that another user has taken', () => {
  // `/` and a script on stdin's side: nobody may not read our directories.
  async function squatter(name: string, manner: string): Promise<void> {
    const script = readFileSync(fileURLToPath(new URL('children/squat.mjs', import.meta.url)), 'utf8');
    const child = new Child('squat.mjs', [], { uid: NOBODY, gid: NOBODY, cwd: '/' }, [
      '--input-type=module',
      '-e',
      script.replace('const [, ,', 'const [,'),
      abstractSocketName(name, USER),
      manner,
    ]);
    expect(await child.line()).toBe('bound');
  }

  test.each(['hold', 'slam'])('does not stop us (%s)', async (manner) => {
    const name = randomUUID();
    await squatter(name, manner);
    let told = 0;
    expect(await withMachineLock(name, async () => 'done', { onForeign: () => told++ })).toBe('done');
    expect(told).toBe(1);
  });

  test('onForeign may refuse', async () => {
    const name = randomUUID();
    await squatter(name, 'hold');
    let ran = false;
    const refused = new Error('not without');
    const task = async () => {
      ran = true;
    };
    const options = {
      onForeign: () => {
        throw refused;
      },
    };
    await expect(withMachineLock(name, task, options)).rejects.toBe(refused);
    expect(ran).toBe(false);
  });
});
