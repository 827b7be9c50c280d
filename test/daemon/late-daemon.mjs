// A daemon whose modules load so slowly that its starter is gone by then; its fetching thread would keep it alive.
import { setTimeout as sleep } from 'node:timers/promises';
import { runDaemonProcess } from '#src/daemon/daemon-process.js';

setInterval(() => {}, 2 ** 31 - 1);
while (process.connected) await sleep(5);
runDaemonProcess({});
