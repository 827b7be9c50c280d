import { expect, it, vi } from 'vitest';
import { Turns } from '#src/base/tasks/turns.js';

it('asks for a turn when a task has worked for a while, and then again', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1_000);
  try {
    const turns = new Turns(new AbortController().signal);
    expect(turns.due()).toBeUndefined();
    now.mockReturnValue(1_010);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await turns.due();
    expect(turned).toBe(true);
    expect(turns.due()).toBeUndefined();
    now.mockReturnValue(1_020);
    expect(turns.due()).toBeInstanceOf(Promise);
  } finally {
    now.mockRestore();
  }
});

it('ends the task when its signal is aborted', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1_000);
  try {
    const controller = new AbortController();
    const turns = new Turns(controller.signal);
    now.mockReturnValue(1_010);
    controller.abort(new Error('gone'));
    await expect(turns.due()).rejects.toThrow('gone');
  } finally {
    now.mockRestore();
  }
});
