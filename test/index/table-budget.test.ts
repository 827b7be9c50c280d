import { describe, expect, it } from 'vitest';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { IndexPass } from '#src/index/pass/index-pass.js';
import {
  imageTableLimit,
  layerTableLimit,
  mergeLimit,
  type TableAllowance,
  TableBudget,
} from '#src/index/pass/table-budget.js';
import { digestOf } from '../blob/bytes.js';
import { file, gnuLongLink, gnuLongName, paxSparse, symlink, tarOf } from '../support/tar.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const allowance = (layer: number, image = Number.MAX_SAFE_INTEGER): TableAllowance => ({
  layer,
  image,
  used: new SharedArrayBuffer(4),
});
const past = (limit: number) =>
  expect.objectContaining({
    code: 'UNSUPPORTED',
    message: expect.stringContaining(`more than the limit of ${limit} bytes`),
  });

describe('the memory of tables', () => {
  it('has a limit proportional to the compressed size', () => {
    expect(layerTableLimit(MIB)).toBe(80 * MIB);
    // Small images together get the limit of one of 16 MiB. With a mount's own memory that stays
    // below 512 MiB.
    for (const limit of [imageTableLimit, mergeLimit]) {
      expect(limit(0)).toBe(limit(16 * MIB));
      expect(limit(1024 * MIB)).toBeGreaterThan(8 * 1024 * MIB);
    }
    expect(mergeLimit(16 * MIB)).toBeLessThanOrEqual(320 * MIB);
    expect(imageTableLimit(16 * MIB)).toBeLessThan(mergeLimit(16 * MIB));
  });

  it('is counted for a layer, and for all layers of an image by all threads', () => {
    const one = new TableBudget(allowance(1000));
    one.spend(1000);
    expect(() => one.spend(1)).toThrow(past(1000));

    const shared = allowance(Number.POSITIVE_INFINITY, 2 * MIB);
    const [first, second] = [new TableBudget(shared), new TableBudget(shared)];
    first.spend(MIB);
    second.spend(MIB - 1);
    expect(() => second.spend(MIB)).toThrow(past(2 * MIB));
    second.release();
    const third = new TableBudget(shared);
    third.spend(MIB - 300 * KIB);
    expect(() => first.spend(MIB)).toThrow(past(2 * MIB));
    // Less than a step is added to the shared count on request.
    const small = new TableBudget(allowance(MIB, KIB));
    small.spend(2000);
    expect(() => small.tell()).toThrow(past(KIB));
  });

  const owners = Array.from({ length: 100 }, (_, uid) => file('f', '', { uid }));
  const xattrs = Array.from({ length: 20 }, (_, i) =>
    file('f', '', { xattrs: { 'user.a': `${i}${'v'.repeat(1000)}` } }),
  );
  const pieces = Array.from({ length: 500 }, (_, i) => ({ offset: i * 100, data: 'x' }));
  it.each<[string, Uint8Array]>([
    ['entries', tarOf(...Array<Buffer>(200).fill(file('f')))],
    ['paths', tarOf(gnuLongName('d/'.repeat(4000)), file('f'), gnuLongName('d/'.repeat(4000)), file('f'))],
    ['link targets', tarOf(gnuLongLink('t'.repeat(4000)), symlink('a', 'b'), symlink('a', 't'.repeat(90)))],
    ['owners', tarOf(...owners)],
    ['extended attributes', tarOf(...xattrs)],
    ['sparse maps', tarOf(paxSparse('0.1', 's', 60_000, pieces), file('f'))],
  ])('counts %s', async (_name, tar) => {
    // The same layer twice: half of what both need rejects it, the full amount does not.
    const pass = async (limit: number) => {
      const pass = new IndexPass(digestOf(tar), { allowance: allowance(limit), blobSize: tar.length });
      pass.push(tar);
      const encoded = await pass.finish(new Uint8Array(0));
      const { entries } = decodeLayerIndex((offset, length) => encoded.subarray(offset, offset + length));
      return { spent: pass.release(), entries };
    };
    const { spent, entries } = await pass(MIB);
    expect(spent).toBeGreaterThan(4000);
    expect(spent).toBeGreaterThanOrEqual(entries.footprint!.tableBytes);
    expect(entries.footprint!.blobSize).toBe(tar.length);
    await expect(pass(spent - 1)).rejects.toThrow(past(spent - 1));
    expect((await pass(spent)).spent).toBe(spent);
  });
});
