// A child of start-daemon.test.ts: says what it has open.
import { readdirSync, readlinkSync } from 'node:fs';
import { closeInherited } from '#src/base/process/inherited-files.js';

closeInherited(process.argv.slice(2));

const files = readdirSync('/proc/self/fd').flatMap((fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return []; // the directory handle of the listing itself
  }
});
process.send(files);
