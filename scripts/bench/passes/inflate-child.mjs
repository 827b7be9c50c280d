// Passes over a gzip file in memory, in a process of its own: `inflate-child.mjs FILE`. zlib's and
// our pass alternate, so that other work on the machine slows both. Prints JSON for the first pair
// (cold: V8 is still compiling) and for the median pair of the others: the processor seconds of
// zlib, of our inflating thread and of our whole process (with V8's helpers and the pool), and the
// decompressed bytes.
import { readFileSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { decodeLayerIndex } from '../../../dist/index/file/decode-index.js';
import { MIB, threadSeconds } from '../measure.mjs';
import { wholePass } from './whole-pass.mjs';

const WARM_PAIRS = 5;

/**
 * Inflates, checks CRC32 and length, and drops the bytes. zlib runs in a thread of libuv's pool.
 */
function zlibPass(blob) {
  return new Promise((resolve, reject) => {
    const gunzip = createGunzip({ chunkSize: MIB });
    let size = 0;
    gunzip.on('data', (chunk) => {
      size += chunk.length;
    });
    gunzip.once('end', () => resolve(size));
    gunzip.once('error', reject);
    for (let at = 0; at < blob.length; at += MIB) gunzip.write(blob.subarray(at, at + MIB));
    gunzip.end();
  });
}

async function spent(pass) {
  const threadBefore = threadSeconds();
  const before = process.cpuUsage();
  const result = await pass();
  const { user, system } = process.cpuUsage(before);
  return { result, process: (user + system) / 1e6, thread: threadSeconds() - threadBefore };
}

const blob = readFileSync(process.argv[2]);
const pairs = [];
for (let pair = 0; pair < 1 + WARM_PAIRS; pair++) {
  const zlib = await spent(() => zlibPass(blob));
  const ours = await spent(() => wholePass(blob));
  const index = decodeLayerIndex((offset, length) => ours.result.subarray(offset, offset + length));
  if (index.tarSize !== zlib.result) throw new Error(`zlib made ${zlib.result} bytes, we ${index.tarSize}`);
  pairs.push({ zlib: zlib.process, thread: ours.thread, process: ours.process, size: index.tarSize });
}
const [cold, ...warm] = pairs;
warm.sort((a, b) => a.zlib / a.thread - b.zlib / b.thread);
process.stdout.write(JSON.stringify({ cold, warm: warm[warm.length >> 1] }));
