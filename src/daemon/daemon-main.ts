// The main module of a daemon's process; see start-daemon.ts.
import { runDaemonProcess } from './daemon-process.js';
import { realPorts } from './ports.js';

runDaemonProcess(realPorts);
