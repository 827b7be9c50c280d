// A child of start-daemon.test.ts: says what it has open.
import { readdirSync, readlinkSync } from 'node:fs';

const files = readdirSync('/proc/self/fd').flatMap((fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return []; // the directory handle of the listing itself
  }
});
process.send(files);
