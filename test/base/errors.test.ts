import { describe, expect, it } from 'vitest';
import {
  asLayerslayerError,
  fromErrorRecord,
  LayerslayerError,
  systemCode,
  toErrorRecord,
  withContext,
} from '#src/base/errors.js';

const abortError = (() => {
  const controller = new AbortController();
  controller.abort();
  return controller.signal.reason;
})();

/** An error as Node creates it. */
const EMFILE = Object.assign(new Error("EMFILE: too many open files, open '/x'"), {
  code: 'EMFILE',
  syscall: 'open',
});

describe('an error of ours', () => {
  it.each([
    ['one of ours', new LayerslayerError('TIMED_OUT', 'no answer'), 'TIMED_OUT', 'no answer'],
    ['an abort', abortError, 'ABORTED', 'This operation was aborted'],
    ['a bug', new TypeError('x is not a function'), 'INTERNAL', 'x is not a function'],
    [
      'what the system refused',
      EMFILE,
      'IO_FAILED',
      `open '/x': too many open files: raise the limit on open files (ulimit -n)`,
    ],
    ['what is no error', 'text', 'INTERNAL', 'text'],
    ['nothing', undefined, 'INTERNAL', 'undefined'],
  ])('is made of %s', (_, thrown, code, message) => {
    expect(asLayerslayerError(thrown)).toMatchObject({ code, message });
  });

  it('is the same object when it already is one', () => {
    const error = new LayerslayerError('NOT_FOUND', 'gone');
    expect(asLayerslayerError(error)).toBe(error);
  });

  it('of a bug has the stack of the bug', () => {
    const bug = new TypeError('x is not a function');
    expect(asLayerslayerError(bug).stack).toBe(bug.stack);
  });

  it('keeps its code and its cause under a context', () => {
    const cause = new LayerslayerError('UNAUTHORIZED', 'got 403');
    const told = withContext(cause, 'layer 2');
    expect(told).toMatchObject({ code: 'UNAUTHORIZED', message: 'layer 2: got 403' });
    expect(told.cause).toBe(cause);
  });

  it('crosses a border as a record, with the place where it was thrown', () => {
    const error = new LayerslayerError('CORRUPT_LAYER', 'cut short');
    const record = toErrorRecord(error);
    expect(structuredClone(record)).toEqual(record);
    const back = fromErrorRecord(record);
    expect(back).toBeInstanceOf(LayerslayerError);
    expect(back).toMatchObject({ code: 'CORRUPT_LAYER', message: 'cut short', stack: error.stack });
  });
});

it.each([
  [Object.assign(new Error('x'), { code: 'ENOSPC' }), 'ENOSPC'],
  [Object.assign(new Error('x'), { code: 17 }), undefined],
  [new Error('x'), undefined],
  [undefined, undefined],
  [null, undefined],
])('the system code of %s is %s', (error, code) => {
  expect(systemCode(error)).toBe(code);
});
