// Takes the lock NAME of DIRECTORY repeatedly and appends `in PID` and `out PID` to LOG, until
// killed.
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { withMachineLock } from '#src/cache/machine-lock.js';

const [, , directory, name, path] = process.argv;
const log = openSync(path, 'a'); // append mode keeps lines of several processes in write order
process.on('exit', () => closeSync(log));
console.log('ready');
for (;;) {
  await withMachineLock(
    { directory, name },
    async () => {
      writeSync(log, `in ${process.pid}\n`);
      await delay(Math.random() * 2);
      writeSync(log, `out ${process.pid}\n`);
    },
    {
      onUnlocked(reason) {
        writeSync(log, `unlocked ${process.pid} ${reason}\n`);
      },
    },
  );
  if (Math.random() < 0.3) await delay(Math.random() * 3);
}
