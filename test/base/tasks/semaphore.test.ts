import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Semaphore } from '#src/base/tasks/semaphore.js';

/** A task that ends when the test says so. */
function gate() {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

const turn = () => new Promise(setImmediate);

describe('a semaphore', () => {
  it('runs as many as it has permits, the others in the order they came', async () => {
    const semaphore = new Semaphore(2);
    const gates = [0, 1, 2, 3].map(gate);
    const started: number[] = [];
    const tasks = gates.map(({ passed }, i) =>
      semaphore.run(() => {
        started.push(i);
        return passed;
      }),
    );
    await turn();
    expect(started).toEqual([0, 1]);
    gates[1]!.open();
    await turn();
    expect(started).toEqual([0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(tasks);
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('gives the permit back when the task fails, or throws before it returns a promise', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(() => Promise.reject(new Error('later')))).rejects.toThrow('later');
    const thrower = () => {
      throw new Error('at once');
    };
    await expect(semaphore.run(thrower)).rejects.toThrow('at once');
    expect(await semaphore.run(async () => 'next')).toBe('next');
  });

  it('does not let a newcomer overtake a waiter', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const { passed, open } = gate();
    const first = semaphore.run(() => passed);
    const waiter = semaphore.run(async () => void order.push('waiter'));
    open();
    await first;
    await Promise.all([waiter, semaphore.run(async () => void order.push('newcomer'))]);
    expect(order).toEqual(['waiter', 'newcomer']);
  });

  it('lets an aborted waiter leave the queue, and takes no permit for an aborted caller', async () => {
    const semaphore = new Semaphore(1);
    const { passed, open } = gate();
    const first = semaphore.run(() => passed);
    const controller = new AbortController();
    let ran = false;
    const leaving = semaphore.run(async () => {
      ran = true;
    }, controller.signal);
    const staying = semaphore.run(async () => 'served');
    controller.abort(new Error('no more'));
    await expect(leaving).rejects.toThrow('no more');
    await expect(semaphore.run(async () => {}, controller.signal)).rejects.toThrow('no more');
    open();
    await first;
    expect(await staying).toBe('served');
    expect(ran).toBe(false);
  });

  it('never runs more than it may, whatever ends, fails or aborts, and loses no permit', async () => {
    const steps = fc.array(fc.record({ fails: fc.boolean(), aborts: fc.boolean(), turns: fc.nat(3) }), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (permits, steps) => {
        const semaphore = new Semaphore(permits);
        let running = 0;
        let most = 0;
        const ends = steps.map(({ fails, aborts, turns }) => {
          const controller = new AbortController();
          const task = semaphore.run(async () => {
            most = Math.max(most, ++running);
            for (let i = 0; i < turns; i++) await Promise.resolve();
            running--;
            if (fails) throw new Error('failed');
          }, controller.signal);
          if (aborts) void Promise.resolve().then(() => controller.abort(new Error('aborted')));
          return task.catch(() => {});
        });
        await Promise.all(ends);
        expect(most).toBeLessThanOrEqual(permits);
        // All permits are back: so many tasks meet inside.
        const gates = Array.from({ length: permits }, gate);
        let inside = 0;
        const again = gates.map(({ passed }) =>
          semaphore.run(() => {
            inside++;
            return passed;
          }),
        );
        await turn();
        expect(inside).toBe(permits);
        for (const { open } of gates) open();
        await Promise.all(again);
      }),
      { numRuns: 60 },
    );
  });
});
