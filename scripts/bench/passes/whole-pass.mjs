// The index pass over a blob in memory, as an inflating thread runs it: one page in each turn of
// the event loop.
import { setImmediate as nextPage } from 'node:timers/promises';
import { IndexPass } from '../../../dist/index/pass/index-pass.js';
import { parseDigest } from '../../../dist/oci/digest.js';

/** As the fetching thread hands pages over. */
const PAGE_SIZE = 256 * 1024; // bytes
/** Of a page: another thread makes them, so what stands in them takes no time here. */
const DIGEST_SIZE = 32; // bytes
const DIGEST = parseDigest(`sha256:${'0'.repeat(64)}`);

/** @returns the encoded index: making it comes after the last byte and counts */
export async function wholePass(blob) {
  const pass = new IndexPass(DIGEST);
  for (let at = 0; at < blob.length; at += PAGE_SIZE) {
    pass.push(blob.subarray(at, at + PAGE_SIZE));
    await nextPage();
  }
  return pass.finish(new Uint8Array(Math.ceil(blob.length / PAGE_SIZE) * DIGEST_SIZE));
}
