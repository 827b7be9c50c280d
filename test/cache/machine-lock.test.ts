import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SocketDirectory } from '#src/base/socket-directory.js';
import { sweepLocks, withMachineLock } from '#src/cache/machine-lock.js';
import { compiled } from '../setup/programs.js';
import { Child } from './child.js';
import { cleanUp, IS_ROOT, NOBODY, onCleanUp, scratchDirectory, scratchTmpfs } from './scratch.js';

afterEach(() => {
  vi.restoreAllMocks();
  return cleanUp();
});

/** Returns a lock that no other test uses. */
const newLock = () => ({ directory: scratchDirectory(), name: 'some.lock' });
type Lock = ReturnType<typeof newLock>;
const holderOf = ({ directory, name }: Lock) => new Child('hold-lock.mjs', [directory, name]);
const filesOf = ({ directory }: Lock) => readdirSync(directory);

describe('withMachineLock', () => {
  test('gives what the task gives and throws what it throws, and is free again', async () => {
    const lock = newLock();
    const fault = new Error('the task');
    await expect(withMachineLock(lock, async () => 7)).resolves.toBe(7);
    await expect(withMachineLock(lock, () => Promise.reject(fault))).rejects.toBe(fault);
    let waited = 0;
    await withMachineLock(lock, async () => {}, { onWait: () => waited++ });
    expect(waited).toBe(0);
    expect(filesOf(lock)).toEqual([]);
  });

  test('one task at a time in one process; each waiter is told once', async () => {
    const lock = newLock();
    let inside = 0;
    let most = 0;
    let waited = 0;
    const task = async () => {
      most = Math.max(most, ++inside);
      // The first one lasts until the others wait, however slow they are.
      do await delay(2);
      while (waited < 5);
      inside--;
    };
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => withMachineLock(lock, task, { onWait: () => waited++ })));
    expect([most, waited]).toEqual([1, 5]);
  });

  test('different names do not wait for each other', async () => {
    const lock = newLock();
    const other = { ...lock, name: 'other.lock' };
    await withMachineLock(lock, () => withMachineLock(other, async () => {}));
  });

  test('one task at a time across processes', async () => {
    const lock = newLock();
    const file = join(scratchDirectory(), 'count');
    writeFileSync(file, '0');
    const children = [1, 2, 3, 4].map(
      () => new Child('count-under-lock.mjs', [lock.directory, lock.name, file, '25']),
    );
    expect(await Promise.all(children.map((child) => child.end()))).toEqual([0, 0, 0, 0]);
    expect(readFileSync(file, 'utf8')).toBe('100');
  });

  test('a killed holder releases it, and the waiter is woken', async () => {
    const lock = newLock();
    const holder = holderOf(lock);
    expect(await holder.line()).toBe('held');
    const waiting = withMachineLock(lock, async () => 'mine', { onWait: () => void holder.kill() });
    expect(await waiting).toBe('mine');
  });

  test('a holder that ends its task releases it and ends by itself', async () => {
    const lock = newLock();
    const holder = holderOf(lock);
    await holder.line();
    const waiting = withMachineLock(lock, async () => 'mine', { onWait: () => holder.process.stdin?.end() });
    expect(await waiting).toBe('mine');
    expect(await holder.line()).toBe('released');
    expect(await holder.end()).toBe(0);
  });

  test('a killed waiter does no harm', async () => {
    const lock = newLock();
    await withMachineLock(lock, async () => {
      const waiter = holderOf(lock);
      await delay(200); // long enough for it to wait; if it doesn't yet, the test only proves less
      await waiter.kill();
    });
    await withMachineLock(lock, async () => {});
  });

  test('a terminated worker thread releases it', async () => {
    const lock = newLock();
    const worker = new Worker(compiled('test/cache/children/hold-lock.mjs'), {
      argv: [lock.directory, lock.name],
      stdin: true,
      stdout: true,
    });
    onCleanUp(() => void worker.terminate());
    await new Promise((resolve) => worker.stdout.once('data', resolve));
    const waiting = withMachineLock(lock, async () => 'mine', { onWait: () => void worker.terminate() });
    expect(await waiting).toBe('mine');
  });

  test('an aborted waiter leaves with the reason, the holder stays', async () => {
    const lock = newLock();
    const reason = new Error('enough');
    const aborter = new AbortController();
    let ran = false;
    await withMachineLock(lock, async () => {
      const task = async () => {
        ran = true;
      };
      const waiting = withMachineLock(lock, task, {
        signal: aborter.signal,
        onWait: () => aborter.abort(reason),
      });
      await expect(waiting).rejects.toBe(reason);
      const late = withMachineLock(lock, task, { signal: aborter.signal });
      await expect(late).rejects.toBe(reason);
    });
    expect(ran).toBe(false);
  });

  test('one directory under two names, below a long path, is one lock', async () => {
    const base = scratchDirectory();
    const directory = join(base, ...Array.from({ length: 20 }, () => '0123456789'));
    symlinkSync(directory, join(base, 'link'));
    const lock = { directory, name: 'some.lock' };
    let ran = false;
    await withMachineLock(lock, async () => {
      // Node truncates a socket path after 107 bytes, to one in another directory.
      expect(filesOf(lock)).toEqual(['some.lock']);
      const aborter = new AbortController();
      const waiting = withMachineLock(
        { ...lock, directory: join(base, 'link') },
        async () => {
          ran = true;
        },
        { signal: aborter.signal, onWait: () => aborter.abort(new Error('it waits')) },
      );
      await expect(waiting).rejects.toThrow('it waits');
    });
    expect(ran).toBe(false);
    expect(readdirSync(base).sort()).toEqual(['0123456789', 'link']);
  });

  test.runIf(IS_ROOT)('holds for other containers', async () => {
    const lock = newLock();
    const script = compiled('test/cache/children/hold-lock.mjs');
    await withMachineLock(lock, async () => {
      const namespaces = ['--net', '--ipc', '--uts', '--pid', '--fork', '--mount', '--mount-proc'];
      const words = [...namespaces, process.execPath, script, lock.directory, lock.name];
      const other = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
      onCleanUp(() => void other.kill('SIGKILL'));
      let said = '';
      other.stdout.on('data', (text) => {
        said += text;
      });
      while (filesOf(lock).length < 2) await delay(5); // its own file: it is trying
      await delay(50);
      expect(said).toBe('');
      other.stdin.end();
      onCleanUp(() => once(other, 'exit').then(() => {}));
    });
  });

  test('the next holder or a sweep removes files of a killed holder and its waiters', async () => {
    const lock = newLock();
    for (const clean of [() => withMachineLock(lock, async () => {}), () => sweepLocks(lock.directory)]) {
      const holder = holderOf(lock);
      expect(await holder.line()).toBe('held');
      const waiter = holderOf(lock);
      while (filesOf(lock).length < 2) await delay(5);
      await sweepLocks(lock.directory);
      expect(filesOf(lock)).toHaveLength(2); // both are live
      await waiter.kill();
      await holder.kill();
      expect(filesOf(lock)).toHaveLength(2);
      await clean();
      expect(filesOf(lock)).toEqual([]);
    }
  });

  test('a file that is not a socket blocks no process', async () => {
    const lock = newLock();
    writeFileSync(join(lock.directory, lock.name), '');
    const unlocked: unknown[] = [];
    const options = { onUnlocked: (reason?: string) => unlocked.push(reason) };
    expect(await withMachineLock(lock, async () => 'done', options)).toBe('done');
    symlinkSync('/nowhere', join(lock.directory, lock.name));
    expect(await withMachineLock(lock, async () => 'done', options)).toBe('done');
    expect([unlocked, filesOf(lock)]).toEqual([[], []]);
  });

  test('a directory that is removed meanwhile is recreated', async () => {
    const lock = { directory: join(scratchDirectory(), 'a/b'), name: 'some.lock' };
    expect(await withMachineLock(lock, async () => filesOf(lock))).toEqual(['some.lock']);
  });

  test('a file that a holder removed as dead, before it listened, is made again', async () => {
    const lock = newLock();
    const told: unknown[] = [];
    vi.spyOn(SocketDirectory.prototype, 'identity').mockResolvedValueOnce(undefined);
    const task = async () => filesOf(lock);
    expect(await withMachineLock(lock, task, { onUnlocked: (why) => told.push(why) })).toEqual([lock.name]);
    expect(told).toEqual([]);
  });

  test('a name that was released and taken again between two looks is not taken for dead', async () => {
    const lock = newLock();
    const aborter = new AbortController();
    let ran = false;
    await withMachineLock(lock, async () => {
      vi.spyOn(SocketDirectory.prototype, 'contact').mockResolvedValueOnce('missing');
      const task = async () => {
        ran = true;
      };
      const onWait = () => aborter.abort(new Error('it waits'));
      const waiting = withMachineLock(lock, task, { signal: aborter.signal, onWait });
      await expect(waiting).rejects.toThrow('it waits');
    });
    expect(ran).toBe(false);
  });

  test('without sockets in the file system the task runs all the same, and it is told', async () => {
    const told: unknown[] = [];
    const onUnlocked = (why?: string) => told.push(why);
    const lock = { directory: '/sys/kernel', name: 'some.lock' };
    expect(await withMachineLock(lock, async () => 'done', { onUnlocked })).toBe('done');
    expect(told).toEqual([expect.stringMatching(/^cannot lock in \/sys\/kernel: /)]);
  });

  test.runIf(IS_ROOT)('so it does without write permission, of which writers warn themselves', async () => {
    const directory = scratchTmpfs(64 * 1024);
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    const told: unknown[] = [];
    const onUnlocked = (why?: string) => told.push(why);
    for (const place of [directory, join(directory, 'missing')]) {
      const lock = { directory: place, name: 'some.lock' };
      expect(await withMachineLock(lock, async () => 'done', { onUnlocked })).toBe('done');
    }
    expect(told).toEqual([undefined, undefined]);
  });
});

describe('8 processes, killed at random', () => {
  test('never hold the lock together, and leave no file', async () => {
    const lock = newLock();
    const log = join(scratchDirectory(), 'log');
    writeFileSync(log, '');
    const start = () => new Child('witness-lock.mjs', [lock.directory, lock.name, log]);
    const children = Array.from({ length: 8 }, start);
    await Promise.all(children.map((child) => child.line()));
    let replacements = 0;
    for (let kills = 0; kills < replacements + 20; kills++) {
      const victim = Math.floor(Math.random() * children.length);
      await delay(Math.random() * 15);
      // In the log before it dies: the next holder's line comes after this one.
      writeFileSync(log, `kill ${children[victim]!.process.pid}\n`, { flag: 'a' });
      await children[victim]!.kill();
      // Replace only the first ones, so that the set of waiters varies. Busy machines need more.
      if (kills >= 40 && holdsIn(readFileSync(log, 'utf8')) > 50) continue;
      children[victim] = start();
      replacements++;
    }
    for (const child of children) {
      if (child.process.exitCode !== null || child.process.signalCode !== null) continue;
      writeFileSync(log, `kill ${child.process.pid}\n`, { flag: 'a' });
      await child.kill();
    }
    expect(brokenLine(readFileSync(log, 'utf8'))).toBeUndefined();
    await withMachineLock(lock, async () => {});
    expect(filesOf(lock)).toEqual([]);
  });

  const holdsIn = (log: string) => log.split('\nin ').length - 1;

  /** Returns the first line at which two processes hold the lock. */
  function brokenLine(log: string): string | undefined {
    let holder: string | undefined;
    const killed = new Set<string>();
    for (const [number, line] of log.trimEnd().split('\n').entries()) {
      const [what, pid] = line.split(' ') as [string, string];
      if (what === 'kill') killed.add(pid);
      else if (what === 'unlocked') return `${number}: ${line}`;
      else if (what === 'in') {
        if (holder !== undefined && !killed.has(holder)) return `${number}: ${line}, after ${holder}`;
        holder = pid;
      } else if (holder === pid) holder = undefined;
      else return `${number}: ${line}, in the lock of ${holder}`;
    }
    return undefined;
  }
});

describe.runIf(IS_ROOT)('a name that another user has taken', () => {
  test('does not block this process', async () => {
    const lock = newLock();
    chmodSync(lock.directory, 0o1777);
    const script = readFileSync(new URL('children/squat-lock.mjs', import.meta.url), 'utf8');
    const child = new Child('squat-lock.mjs', [], { uid: NOBODY, gid: NOBODY, cwd: '/' }, [
      '--input-type=module',
      '-e',
      script,
      join(lock.directory, lock.name),
    ]);
    expect(await child.line()).toBe('bound');
    const told: unknown[] = [];
    const onUnlocked = (reason?: string) => told.push(reason);
    expect(await withMachineLock(lock, async () => 'done', { onUnlocked })).toBe('done');
    expect(told).toEqual([expect.stringContaining(`user ${NOBODY} has taken some.lock`)]);
    const refused = new Error('not without');
    const refuse = () => {
      throw refused;
    };
    let ran = false;
    const task = async () => {
      ran = true;
    };
    await expect(withMachineLock(lock, task, { onUnlocked: refuse })).rejects.toBe(refused);
    expect(ran).toBe(false);
    expect(filesOf(lock)).toEqual(['some.lock']); // the other user's
  });
});
