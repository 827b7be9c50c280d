// Runs the index pass over the file it was started with, each time it is told to. Posts the
// processor seconds of its thread.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { threadSeconds } from '../measure.mjs';
import { wholePass } from './whole-pass.mjs';

const blob = readFileSync(workerData.path);

parentPort.on('message', async () => {
  const before = threadSeconds();
  await wholePass(blob);
  parentPort.postMessage(threadSeconds() - before);
});
parentPort.postMessage('ready');
