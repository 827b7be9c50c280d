// One pass over a gzip file in memory, in a process that does nothing else: `inflate-child.mjs zlib|layerslayer FILE`.
// Prints the processor seconds and the decompressed bytes as JSON. It begins cold, as each mount does: what V8 spends on
// compiling counts.
import { readFileSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { decodeLayerIndex } from '#dist/layer/layer-index-codec.js';
import { MIB } from './measure.mjs';
import { wholePass } from './whole-pass.mjs';

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
const before = process.cpuUsage();
const sizeOf = await PASSES[engine](blob);
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ seconds: (user + system) / 1e6, size: sizeOf() }));
