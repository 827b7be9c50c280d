// A daemon with doubles for session and transport, as a process of its own: `startDaemon(path of this file)`. What the
// doubles do is said by the reference, since options are all that crosses.
//   works        two layers, then mounted; unmounted by SIGTERM
//   slow         never gets past resolving
//   missing      NOT_FOUND, with the password in its message
//   unmounted    unmounted from outside, as soon as it is mounted
//   busy         can be unmounted only lazily, and its readers never go
//   crash        an exception that nobody catches, once mounted

import { appendFileSync } from 'node:fs';
import { LayerslayerError } from '#src/base/errors.js';
import { runDaemonProcess } from '#src/daemon/daemon-process.js';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** What happened, for the test to read: the doubles hold no mount that one could look at. */
let eventFile = '';
const record = (event) => appendFileSync(eventFile, `${event}\n`);

const layer = {
  origin: { kind: 'own' },
  digest: DIGEST,
  entries: { length: 21 },
  read: () => new Uint8Array(),
};

function session(options) {
  return {
    preload() {},
    record() {},
    async resolve(reference, platform, signal) {
      options.onNotice?.(`rate limited, password ${options.registry.password}`);
      if (reference === 'missing') {
        throw new LayerslayerError('NOT_FOUND', `no ${reference} for ${options.registry.password}`);
      }
      if (reference === 'slow') {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      return {
        reference,
        digest: DIGEST,
        platform,
        manifest: { layers: [{ digest: DIGEST }, {}] },
        config: {},
      };
    },
    async openLayers(_image, { onProgress }) {
      for (const number of [1, 2]) {
        onProgress({ layer: number, state: 'done', cached: false, doneBytes: 10, totalBytes: 10 });
      }
      return [layer, layer];
    },
    metrics: () => ({ bytesFetched: 2048, cacheHits: 3, cacheMisses: 1 }),
    async close() {
      record('closed');
    },
  };
}

runDaemonProcess({
  startSession: (options) => {
    eventFile = `${options.cache.directory}/events`;
    return session(options);
  },
  buildFs: async (_image, _which, options) => ({ options, bytesServed: 0 }),
  transport: async () => ({
    name: 'double',
    async mount(_fs, _mountpoint, { source }) {
      record(`mounted ${source}`);
      let close = () => {};
      const closed = new Promise((resolve) => {
        close = resolve;
      });
      if (source === 'unmounted') setTimeout(close, 100);
      if (source === 'crash') {
        setTimeout(() => {
          throw new Error('nobody catches this');
        }, 100);
      }
      return {
        closed,
        async unmount({ lazy }) {
          record(`unmount ${lazy ? 'lazily' : 'plainly'}`);
          if (source === 'busy') {
            if (!lazy) throw new LayerslayerError('UNMOUNT_FAILED', 'busy');
            return;
          }
          close();
        },
      };
    },
  }),
  deviceOf: async () => `double:${process.pid}`,
});
