// The main module of a daemon's process; see start-daemon.ts.
import { closeInherited } from '../base/process/inherited-files.js';
import { runDaemonProcess } from './daemon-process.js';
import { REAL_PORTS } from './mount-ports.js';

closeInherited(process.argv.slice(2));
runDaemonProcess(REAL_PORTS);
