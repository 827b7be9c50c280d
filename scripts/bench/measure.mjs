// Numbers: how runs become one figure, and how figures are written.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const MIB = 1024 * 1024;

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs the subjects alternately, round by round, so that other work on the machine slows all of
 * them alike.
 * @param subjects name -> async function that returns a figure
 * @param figureOf makes one figure of a subject's
 * @returns name -> that figure
 */
export async function interleaved(rounds, subjects, figureOf = median) {
  const figures = new Map(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(subjects)) figures.get(name).push(await run());
  }
  return Object.fromEntries([...figures].map(([name, values]) => [name, figureOf(values)]));
}

/** As `interleaved`, but returns the lowest figures: other work on the machine only adds. */
export const interleavedLowest = (rounds, subjects) =>
  interleaved(rounds, subjects, (values) => Math.min(...values));

export const seconds = (value) => `${value.toFixed(value < 1 ? 3 : 2)} s`;
export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
/** Decompressed bytes, as in all statements about inflating: 10^6. */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

/**
 * Returns the seconds that a thread has run.
 * @param folder of the thread in /proc. (Linux, Documentation/scheduler/sched-stats.rst:
 *   nanoseconds come first)
 */
export function secondsOfThread(folder) {
  return Number(readFileSync(join(folder, 'schedstat'), 'latin1').split(' ')[0]) / 1e9;
}

/** Returns the seconds that a thread was ready to run and had no processor: they come second. */
export function waitedSecondsOfThread(folder) {
  return Number(readFileSync(join(folder, 'schedstat'), 'latin1').split(' ')[1]) / 1e9;
}

/** As `secondsOfThread`, of this thread. */
export const threadSeconds = () => secondsOfThread('/proc/thread-self');
