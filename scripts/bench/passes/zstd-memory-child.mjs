// Prints by how many bytes this process grows at most while it decodes a zstd file:
// `zstd-memory-child.mjs pass|reader FILE`. The file is read page by page.
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { setImmediate as nextPage } from 'node:timers/promises';
import { BLOB_START } from '../../../dist/codec/codec.js';
import { codecNamed } from '../../../dist/codec/codecs.js';
import { residentBytes } from '../mounts.mjs';

const PAGE_SIZE = 256 * 1024; // bytes
const RUN = new Uint8Array(PAGE_SIZE);

const [what, path] = process.argv.slice(2);
const zstd = codecNamed('zstd');
const fd = openSync(path, 'r');
const page = new Uint8Array(PAGE_SIZE);
const pageAt = (offset) => page.subarray(0, readSync(fd, page, 0, PAGE_SIZE, offset));

/** The states go to the index, and are not the pass's own memory. */
async function pass() {
  const scanner = zstd.scanner({ onOutput() {}, onCheckpoint() {} });
  for (let at = 0, bytes = pageAt(0); bytes.length > 0; at += bytes.length, bytes = pageAt(at)) {
    scanner.push(bytes);
    await nextPage();
  }
  scanner.finish();
}

async function reader() {
  const cursor = zstd.cursor();
  cursor.seek(BLOB_START);
  for (;;) {
    if (cursor.read(RUN) > 0) continue;
    if (cursor.ended) return;
    const bytes = pageAt(cursor.inputOffset);
    cursor.push(bytes, bytes.length === 0);
    await nextPage();
  }
}

zstd.cursor(); // compiled by now
RUN.fill(1);
page.fill(1);
globalThis.gc();
writeFileSync('/proc/self/clear_refs', '5'); // the peak is what is resident now, see proc(5)
const before = residentBytes('self').now;
await { pass, reader }[what]();
closeSync(fd);
process.stdout.write(String(residentBytes('self').peak - before));
