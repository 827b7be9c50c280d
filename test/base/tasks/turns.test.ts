import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Turns } from '#src/base/tasks/turns.js';

let nowMs = 1_000;

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(async () => {
  await turn(); // the last slice ends
  vi.restoreAllMocks();
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('asks for a turn when a task has worked for a while, and then again', async () => {
  const turns = new Turns(new AbortController().signal);
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  expect(turns.due()).toBeUndefined();
  nowMs += 10;
  await turns.due();
  expect(turned).toBe(true);
  expect(turns.due()).toBeUndefined();
  nowMs += 10;
  expect(turns.due()).toBeInstanceOf(Promise);
});

it('shares the time between two turns among all tasks, and continues one of them a turn', async () => {
  const { signal } = new AbortController();
  const events: string[] = [];
  const task = async (name: string) => {
    const turns = new Turns(signal);
    for (let i = 0; i < 3; i++) {
      const due = turns.due();
      if (due) await due;
      events.push(name);
      nowMs += 10;
    }
  };
  const requests = (async () => {
    for (let i = 0; i < 12; i++) {
      await turn();
      events.push('-');
    }
  })();
  const tasks = Promise.all([task('a'), task('b'), task('c')]);
  await Promise.all([tasks, requests]);
  const between = events.join('').split('-');
  expect(between.slice(1).every((worked) => worked.length <= 1)).toBe(true);
  expect(between.join('')).toBe('aabcabcbc');
});

it('begins another slice when no task has worked for a turn', async () => {
  const turns = new Turns(new AbortController().signal);
  expect(turns.due()).toBeUndefined();
  nowMs += 10;
  await turn();
  expect(turns.due()).toBeUndefined();
});

it('ends the task when its signal is aborted', async () => {
  const controller = new AbortController();
  const turns = new Turns(controller.signal);
  turns.due();
  nowMs += 10;
  const due = turns.due();
  controller.abort(new Error('gone'));
  await expect(due).rejects.toThrow('gone');
});
