// Adds 1 to the number in FILE, TIMES times, each under the lock NAME of DIRECTORY. Without the
// lock, additions get lost.
import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { withMachineLock } from '#src/cache/machine-lock.js';

const [, , directory, name, file, times] = process.argv;
for (let i = 0; i < Number(times); i++) {
  await withMachineLock({ directory, name }, async () => {
    const count = Number(readFileSync(file, 'utf8'));
    await nextTurn();
    writeFileSync(file, String(count + 1));
  });
}
