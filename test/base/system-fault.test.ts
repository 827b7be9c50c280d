import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { shortageAdvice, systemFault } from '#src/base/system-fault.js';

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

const coded = (message: string, code: string, syscall?: string) =>
  Object.assign(new Error(message), { code, ...(syscall && { syscall }) });

it.each([
  [
    'a system call',
    thrownBy(() => mkdirSync('/proc/x/y')),
    /^mkdir '\/proc\/x\/y': no such file or directory$/,
  ],
  [
    'too few descriptors',
    coded('spawn node EMFILE', 'EMFILE', 'spawn'),
    /^spawn node: too many open files: .*ulimit -n/,
  ],
  [
    'too few processes',
    coded('spawn node', 'EAGAIN', 'spawn'),
    /^spawn node: resource temporarily unavailable: .*ulimit -u/,
  ],
  [
    'a thread without descriptors',
    coded('Worker initialization failure: EMFILE', 'ERR_WORKER_INIT_FAILED'),
    /^a worker thread failed: .*EMFILE: .*ulimit -n/,
  ],
  [
    'a thread without memory',
    coded('Worker terminated due to reaching memory limit', 'ERR_WORKER_OUT_OF_MEMORY'),
    /^a worker thread failed: .*ulimit -v/,
  ],
  [
    'a file of a bundled program',
    coded("Cannot find module '/app/fetch-worker.js'\nRequire stack:\n- /app", 'MODULE_NOT_FOUND'),
    /^Cannot find module '\/app\/fetch-worker.js': .*bundler must leave the package external$/,
  ],
  [
    'a file of a program bundled as CommonJS',
    thrownBy(() => new URL('./fetch-worker.js', undefined)),
    /^Invalid URL: .*bundler must leave the package external$/,
  ],
  [
    'a thread',
    Object.assign(coded('Access to this API has been restricted', 'ERR_ACCESS_DENIED'), {
      permission: 'WorkerThreads',
    }),
    /--permission refuses what is needed: WorkerThreads$/,
  ],
  ['memory', thrownBy(() => new ArrayBuffer(2 ** 53 - 1)), /^Array buffer allocation failed: .*ulimit -v/],
  [
    'memory, since Node 24',
    Object.assign(new RangeError('Failed to allocate memory 5000000000'), {
      code: 'ERR_MEMORY_ALLOCATION_FAILED',
    }),
    /^Failed to allocate memory 5000000000: .*ulimit -v/,
  ],
  ["WebAssembly's memory", new RangeError('WebAssembly.Memory(): could not allocate memory'), /ulimit -v/],
  [
    "WebAssembly's instance",
    new RangeError('Out of memory: Cannot allocate Wasm memory for new instance'),
    /ulimit/,
  ],
])('%s is refused by the system', (_, error, message) => {
  expect(systemFault(error)).toMatch(message);
});

it.each([
  ['a bug', new TypeError('x is not a function')],
  ['a range', new RangeError('Invalid array length')],
  ['a Node error', coded('The "path" argument must be of type string', 'ERR_INVALID_ARG_TYPE')],
  ['a wrong URL', thrownBy(() => new URL('no/scheme'))],
  ['what is no error', 'EMFILE'],
])('%s is not', (_, error) => {
  expect(systemFault(error)).toBeUndefined();
});

it('detects connection errors that are shortages of this machine', () => {
  expect(shortageAdvice('EMFILE')).toMatch(/ulimit -n/);
  for (const code of ['ECONNREFUSED', 'EAGAIN', undefined]) expect(shortageAdvice(code)).toBeUndefined();
});
