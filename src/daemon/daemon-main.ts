// The main module of a daemon's process; see start-daemon.ts.
import { startFetchThread } from '../image/fetch-thread.js';

// First of all: the thread loads its modules on the other core while this one loads its own.
const fetchThread = startFetchThread();
const [{ runDaemonProcess }, { realPorts }] = await Promise.all([
  import('./daemon-process.js'),
  import('./ports.js'),
]);
runDaemonProcess(realPorts(fetchThread));
