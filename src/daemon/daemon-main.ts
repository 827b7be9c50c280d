// The main module of a daemon's process; see start-daemon.ts.
import { runDaemonProcess } from './daemon-process.js';
import { closeInherited } from './inherited-files.js';
import { realPorts } from './ports.js';

closeInherited(process.argv.slice(2));
runDaemonProcess(realPorts);
