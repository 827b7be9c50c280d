// Writes COUNT pages to the store in DIRECTORY with CAP, several at once. Prints how many were
// cached, and each warning.
import { once } from 'node:events';
import { logTo } from '#src/base/log.js';
import { pageKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';

const [, , directory, capBytes, layer, count, hang] = process.argv;
const log = logTo((level, message) => level === 'warn' && console.log(`warning: ${message}`));
const store = await ContentStore.open({ directory, capBytes: Number(capBytes), log });
const page = Buffer.alloc(256 * 1024, layer);
let kept = 0;
for (let first = 0; first < Number(count); first += 4) {
  const writes = [0, 1, 2, 3].map((i) => store.write('page', pageKey(`sha256:${layer}`, first + i), page));
  for (const written of await Promise.all(writes)) if (written) kept++;
}
console.log(`kept ${kept}`);
if (hang) {
  process.stdin.resume();
  await once(process.stdin, 'end');
}
await store.close();
