// Passes over a zstd file, in a process of its own: `zstd-child.mjs FILE`. `zstd -dc` and our pass
// alternate, so that other work on the machine slows both. Prints JSON: of each pair, the processor
// seconds of zstd, of our inflating thread and of our whole process (with V8's helpers and the
// pool); the decompressed bytes and those of the index. The first pair is left out.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { decodeLayerIndex } from '../../../dist/index/file/decode-index.js';
import { threadSeconds } from '../measure.mjs';
import { wholePass } from './whole-pass.mjs';

const PAIRS = 5;

const [path] = process.argv.slice(2);

function zstdSeconds() {
  const script = 'TIMEFORMAT="%U %S"; time zstd -dc --single-thread "$1" >/dev/null';
  const { stderr } = spawnSync('bash', ['-c', script, '-', path], { encoding: 'utf8' });
  const [user, system] = stderr.trim().split(' ').map(Number);
  return user + system;
}

const blob = readFileSync(path);
const pairs = [];
for (let pair = 0; pair < 1 + PAIRS; pair++) {
  const zstd = zstdSeconds();
  const threadBefore = threadSeconds();
  const before = process.cpuUsage();
  const encoded = await wholePass(blob);
  const { user, system } = process.cpuUsage(before);
  const { tarSize } = decodeLayerIndex((offset, length) => encoded.subarray(offset, offset + length));
  pairs.push({
    zstd,
    thread: threadSeconds() - threadBefore,
    process: (user + system) / 1e6,
    tarSize,
    indexSize: encoded.length,
  });
}
process.stdout.write(JSON.stringify(pairs.slice(1)));
