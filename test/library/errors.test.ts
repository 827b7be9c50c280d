import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as base from '#src/base/errors.js';
import { type ErrorCode, LayerslayerError } from '#src/library/layerslayer.js';

// Neither line compiles if the public codes are not those that are thrown.
const PUBLIC: readonly ErrorCode[] = base.ERROR_CODES;
const THROWN: readonly base.ErrorCode[] = PUBLIC;

it('is the class that is thrown, and can be extended', () => {
  const thrown: unknown = new base.LayerslayerError('NOT_FOUND', 'no such file');
  expect(thrown instanceof LayerslayerError && thrown.code).toBe('NOT_FOUND');
  class Own extends LayerslayerError {}
  expect(new Own('ABORTED', 'enough', { cause: 1 })).toMatchObject({ code: 'ABORTED', cause: 1 });
});

it('explains each code', () => {
  const source = readFileSync(new URL('../../src/library/errors.ts', import.meta.url), 'utf8');
  const [, comment = ''] = /\/\*\*(.*?)\*\//s.exec(source) ?? [];
  for (const code of THROWN) expect(comment).toContain(code);
});
