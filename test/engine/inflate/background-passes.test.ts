import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackgroundPasses } from '#src/engine/inflate/background-passes.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start() {
  const passes = new BackgroundPasses();
  const told: boolean[] = [];
  passes.add(1, (isHeld) => told.push(isHeld));
  return { passes, told };
}

describe('a pass in the background', () => {
  it('is held while reads are under way, and for a while after the last one', () => {
    const { passes, told } = start();
    passes.readBegins();
    passes.readBegins();
    passes.readEnds();
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual([true]);
    passes.readEnds();
    vi.advanceTimersByTime(50);
    passes.readBegins(); // the reader’s next read
    passes.readEnds();
    vi.advanceTimersByTime(99);
    expect(told).toEqual([true]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([true, false]);
  });

  it('begins held while a read is under way', () => {
    const passes = new BackgroundPasses();
    const told: boolean[] = [];
    passes.readBegins();
    passes.add(1, (isHeld) => told.push(isHeld));
    passes.readEnds();
    vi.runAllTimers();
    expect(told).toEqual([true, false]);
  });

  it('is not held any more when it has ended', () => {
    const { passes, told } = start();
    passes.delete(1);
    passes.readBegins();
    passes.readEnds();
    vi.runAllTimers();
    expect(told).toEqual([]);
  });
});
