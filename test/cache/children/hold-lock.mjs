// Takes the lock NAME, says so, and holds it until it is killed or stdin ends.
import { once } from 'node:events';
import { withMachineLock } from '#dist/cache/machine-lock.js';

await withMachineLock(process.argv[2], async () => {
  console.log('held');
  process.stdin.resume();
  await once(process.stdin, 'end');
});
console.log('released');
