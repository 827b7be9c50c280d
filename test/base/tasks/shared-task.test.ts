import { expect, it } from 'vitest';
import { SharedTask } from '#src/base/tasks/shared-task.js';

/** A task whose runs the test ends. */
function start() {
  const runs: { signal: AbortSignal; resolve(value: string): void; reject(error: Error): void }[] = [];
  const task = new SharedTask<string>(
    (signal) => new Promise((resolve, reject) => runs.push({ signal, resolve, reject })),
  );
  return { runs, task };
}

const NEVER = new AbortController().signal;

it('runs once for all callers, and for none after that', async () => {
  const { runs, task } = start();
  const callers = [task.get(NEVER), task.get(NEVER)];
  runs[0]!.resolve('value');
  expect(await Promise.all(callers)).toEqual(['value', 'value']);
  expect(await task.get(AbortSignal.abort())).toBe('value');
  expect([runs.length, runs[0]!.signal.aborted]).toEqual([1, false]);
});

it('runs again after a failure', async () => {
  const { runs, task } = start();
  const failed = task.get(NEVER);
  runs[0]!.reject(new Error('fault'));
  await expect(failed).rejects.toThrow('fault');
  const again = task.get(NEVER);
  runs[1]!.resolve('value');
  expect(await again).toBe('value');
});

it('is aborted when the last caller gives up, and not before', async () => {
  const { runs, task } = start();
  const stops = [new AbortController(), new AbortController()];
  const callers = stops.map(({ signal }) => task.get(signal).catch((error: unknown) => error));
  stops[0]!.abort('one');
  expect([await callers[0], runs[0]!.signal.aborted]).toEqual(['one', false]);
  stops[1]!.abort('two');
  expect([await callers[1], runs[0]!.signal.aborted, runs[0]!.signal.reason]).toEqual(['two', true, 'two']);
});

it('starts another run while an aborted one still ends, whose end does not count', async () => {
  const { runs, task } = start();
  const stop = new AbortController();
  const first = task.get(stop.signal).catch((error: unknown) => error);
  stop.abort('enough');
  expect(await first).toBe('enough');
  const second = task.get(NEVER);
  runs[0]!.reject(new Error('aborted'));
  runs[1]!.resolve('value');
  expect([await second, runs.length]).toEqual(['value', 2]);
});

it('does not begin for a caller that has given up', async () => {
  const { runs, task } = start();
  await expect(task.get(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  expect(runs).toEqual([]);
});
