import { expect, it } from 'vitest';
import { SingleFlight } from '#src/base/tasks/single-flight.js';

it('runs one task for all concurrent callers, one for each key', async () => {
  const flight = new SingleFlight<string, number>();
  let runs = 0;
  const task = async () => ++runs;
  const answers = [flight.run('a', task), flight.run('a', task), flight.run('b', task)];
  expect(await Promise.all(answers)).toEqual([1, 1, 2]);
  expect(await flight.run('a', task)).toBe(3);
});

it('fails all waiters, and the next caller tries again', async () => {
  const flight = new SingleFlight<string, number>();
  const failing = () => Promise.reject(new Error('no'));
  const outcomes = await Promise.allSettled([flight.run('a', failing), flight.run('a', async () => 1)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await flight.run('a', async () => 2)).toBe(2);
});
