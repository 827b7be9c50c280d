// Takes the lock NAME of DIRECTORY, reports it, and holds it until killed or stdin ends.
import { once } from 'node:events';
import { withMachineLock } from '#src/cache/machine-lock.js';

const [, , directory, name] = process.argv;
await withMachineLock({ directory, name }, async () => {
  console.log('held');
  process.stdin.resume();
  await once(process.stdin, 'end');
});
console.log('released');
