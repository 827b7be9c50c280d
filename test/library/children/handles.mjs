// Prints what a process has open after importing the library, or nothing: `handles.mjs [MODULE]`.
import { readdirSync } from 'node:fs';

const listeners = () =>
  Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
const before = { env: { ...process.env }, cwd: process.cwd(), listeners: listeners() };
if (process.argv[2]) await import(process.argv[2]);
console.log(
  JSON.stringify({
    resources: process.getActiveResourcesInfo().sort(),
    threads: readdirSync('/proc/self/task').length,
    files: readdirSync('/proc/self/fd').length,
    isSame:
      JSON.stringify({ env: { ...process.env }, cwd: process.cwd(), listeners: listeners() }) ===
      JSON.stringify(before),
    globals: Object.keys(globalThis),
  }),
);
