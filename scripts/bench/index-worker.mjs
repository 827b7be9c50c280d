// Runs the index pass over the file it was started with, each time it is told to.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { wholePass } from './whole-pass.mjs';

const blob = readFileSync(workerData.path);

parentPort.on('message', async () => {
  await wholePass(blob);
  parentPort.postMessage('done');
});
parentPort.postMessage('ready');
