import { cachedDataVersionTag } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { collectYoungGarbage } from '#src/base/process/garbage.js';
import { compiled } from '../../setup/programs.js';
import { run } from '../../support/child.js';

it('leaves V8’s flags as they were, so that later threads can use Node’s code cache', () => {
  const flags = cachedDataVersionTag();
  collectYoungGarbage();
  expect(cachedDataVersionTag()).toBe(flags);
  collectYoungGarbage(); // works without the flag
});

it('leaves a process the flag that it was started with', async () => {
  const program = `
    const { Worker } = require('node:worker_threads');
    import('${compiled('src/base/process/garbage.ts')}').then(({ collectYoungGarbage }) => {
      collectYoungGarbage();
      new Worker('console.log(typeof gc)', { eval: true });
    });`;
  expect((await run(process.execPath, ['--expose-gc', '-e', program])).stdout).toBe('function\n');
});

it('works in many threads whose first collections are at the same time', async () => {
  const THREADS = 6;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import('${compiled('src/base/process/garbage.ts')}').then(({ collectYoungGarbage }) => {
      parentPort.postMessage('ready');
      Atomics.wait(workerData, 0, 0);
      collectYoungGarbage();
    });`;
  for (let round = 0; round < 10; round++) {
    const start = new Int32Array(new SharedArrayBuffer(4));
    let ready = 0;
    const ends = Array.from({ length: THREADS }, async () => {
      const thread = new Worker(code, { eval: true, workerData: start });
      thread.on('message', () => {
        if (++ready < THREADS) return;
        Atomics.store(start, 0, 1);
        Atomics.notify(start, 0);
      });
      return new Promise((resolve) => thread.on('error', resolve).on('exit', resolve));
    });
    expect(await Promise.all(ends)).toEqual(Array.from({ length: THREADS }, () => 0));
  }
});
