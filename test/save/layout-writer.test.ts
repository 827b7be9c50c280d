import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LayoutWriter } from '#src/save/layout-writer.js';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'layerslayer-layout-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

it('is begun by many at once', async () => {
  const opening = Array.from({ length: 30 }, () =>
    LayoutWriter.open(join(scratch, 'out'), () => {}, new AbortController().signal),
  );
  expect((await Promise.allSettled(opening)).filter(({ status }) => status === 'rejected')).toEqual([]);
  expect(readdirSync(join(scratch, 'out'))).toEqual(['oci-layout']);
  expect(readFileSync(join(scratch, 'out/oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
});
