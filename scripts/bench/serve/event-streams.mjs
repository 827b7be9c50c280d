// A thousand event streams that say nothing: an image whose pass waits for its registry.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { mib } from '../measure.mjs';
import { percentile } from './load-clients.mjs';
import { ServerProcess } from './server-process.mjs';

const STREAMS = 1_000;
/** Streams that are opened at once. */
const OPENED_AT_ONCE = 50;
/** How long they stay. */
const IDLE_MS = 5_000;
const STATS = 200;
const STAT_LIMIT_MS = 50;

export async function serveEventStreams({ workplace, images, report }, image, words) {
  const trickle = await startTrickle(await images.registry());
  const slow = `${trickle.host}/${(await images.smallFiles(1_000)).path}`;
  const server = await ServerProcess.start(workplace, words);
  try {
    const stat = () => server.text('/api/v1/stat', { image: image.reference, path: '/data' });
    await stat();
    const before = server.resident.now;
    const streams = [];
    while (streams.length < STREAMS) {
      const batch = Array.from({ length: OPENED_AT_ONCE }, () => openStream(server, slow));
      streams.push(...(await Promise.all(batch)));
    }
    const cpuBefore = server.cpuSeconds;
    await sleep(IDLE_MS);
    const idleCpu = server.cpuSeconds - cpuBefore;
    const { now } = server.resident;
    const times = [];
    for (let i = 0; i < STATS; i++) {
      const begun = performance.now();
      await stat();
      times.push(performance.now() - begun);
    }
    times.sort((a, b) => a - b);
    const open = streams.filter((stream) => !stream.isClosed()).length;
    report.check({
      what: `serve, ${STREAMS} event streams, open after ${IDLE_MS / 1000} s`,
      ours: `${open}, ${mib((now - before) / STREAMS)} each, CPU ${idleCpu.toFixed(2)} s`,
      limit: `${STREAMS}`,
      kept: open === STREAMS,
    });
    report.add({
      what: `serve, stat beside ${STREAMS} event streams, p99`,
      ours: `${percentile(times, 0.99).toFixed(1)} ms`,
      against: `p50 ${percentile(times, 0.5).toFixed(1)} ms`,
      ratio: percentile(times, 0.99),
      atMost: STAT_LIMIT_MS,
      unit: ' ms',
    });
    for (const stream of streams) stream.close();
  } finally {
    await server.end();
    trickle.close();
  }
}

/** Opens a stream and waits for its head. @throws unless it is 200 */
function openStream(server, image) {
  const { port } = new URL(server.address);
  const target = `/api/v1/events?${new URLSearchParams({ image })}`;
  const socket = connect(Number(port), '127.0.0.1');
  let isClosed = false;
  socket.once('close', () => {
    isClosed = true;
  });
  socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${server.token}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (chunk) => {
      const [head] = chunk.toString('latin1').split('\r\n');
      socket.resume();
      if (!head.endsWith(' 200 OK')) reject(new Error(`/events: ${head}`));
      else resolve({ isClosed: () => isClosed, close: () => socket.destroy() });
    });
  });
}

/** Bytes of a blob that come at once, and the time until the next ones. */
const TRICKLE_SIZE = 1;
const TRICKLE_MS = 1_000;

/** A proxy before a registry whose layers never come to an end. */
async function startTrickle(registry) {
  const port = registry.split(':')[1];
  const server = createServer((incoming, answer) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path, headers }, async (response) => {
      answer.writeHead(response.statusCode, response.headers);
      const isLayer = path.includes('/blobs/') && Number(response.headers['content-length']) > 1_000;
      if (!isLayer || method !== 'GET') return response.pipe(answer);
      for await (const chunk of response)
        for (let at = 0; at < chunk.length && !answer.destroyed; at += TRICKLE_SIZE) {
          answer.write(chunk.subarray(at, at + TRICKLE_SIZE));
          await sleep(TRICKLE_MS);
        }
    });
    onward.once('error', () => answer.destroy());
    answer.once('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
