// Passes over a gzip file in memory, in a process that does nothing else: `inflate-child.mjs zlib|layerslayer FILE`.
// Prints as JSON the processor seconds of the first pass (cold: V8 is still compiling), the median of the others, and the
// decompressed bytes.
import { readFileSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { decodeLayerIndex } from '#dist/layer/layer-index-codec.js';
import { MIB, median } from './measure.mjs';
import { wholePass } from './whole-pass.mjs';

const WARM_PASSES = 3;

/** Each returns a function that tells how many bytes came out; telling is not part of the pass. */
const PASSES = {
  /** Inflates, checks CRC32 and length; throws the bytes away. */
  zlib(blob) {
    return new Promise((resolve, reject) => {
      const gunzip = createGunzip({ chunkSize: MIB });
      let size = 0;
      gunzip.on('data', (chunk) => {
        size += chunk.length;
      });
      gunzip.once('end', () => resolve(() => size));
      gunzip.once('error', reject);
      for (let at = 0; at < blob.length; at += MIB) gunzip.write(blob.subarray(at, at + MIB));
      gunzip.end();
    });
  },
  layerslayer(blob) {
    const index = wholePass(blob);
    return () => decodeLayerIndex((offset, length) => index.subarray(offset, offset + length)).tarSize;
  },
};

const [engine, path] = process.argv.slice(2);
const blob = readFileSync(path);
let sizeOf;
const spent = [];
for (let pass = 0; pass < 1 + WARM_PASSES; pass++) {
  const before = process.cpuUsage();
  sizeOf = await PASSES[engine](blob);
  const { user, system } = process.cpuUsage(before);
  spent.push((user + system) / 1e6);
}
process.stdout.write(JSON.stringify({ cold: spent[0], seconds: median(spent.slice(1)), size: sizeOf() }));
