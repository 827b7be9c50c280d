/** A thread for one analysis of an image: a merge, what is hidden, sums. It ends with that. */
import { parentPort } from 'node:worker_threads';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { EntryColumns } from '../../index/entry-columns.js';
import { hiddenByLast, hiddenTree } from '../../overlay/history/hidden-tree.js';
import { pathVersions } from '../../overlay/history/path-versions.js';
import { encodedMerge, mergedHere } from '../../overlay/open-tree.js';
import type { AnalysisMethods, GivenLayer, Records } from './analysis-protocol.js';
import { cacheRecords, imageRecords } from './find-records.js';
import { hiddenColumns } from './hidden-columns.js';
import { treeSums } from './tree-sums.js';
import { usageRecords } from './usage-records.js';

/** Records of one message. */
const RECORDS_AT_ONCE = 1_000;

let records: AsyncIterator<object> | Iterator<object> | undefined;

new ThreadPeer<object>(parentPort!, {
  merge: async ({ layers }) => moved(await encodedMerge(layers.map(layerOf))),
  hidden: ({ layers }) => moved(hiddenColumns(hiddenTree(layers.map(layerOf)))),
  hiddenByLast: ({ layers }) => moved(hiddenColumns(hiddenByLast(layers.map(layerOf)))),
  sums: async ({ layers }) => moved(treeSums(await mergedHere(layers.map(layerOf)))),
  versions: ({ layers, names }) => pathVersions(layers.map(layerOf), names),
  async usage({ layers, question }) {
    const given = layers.map(layerOf);
    records = usageRecords({ layers: given, tree: await mergedHere(given) }, question);
    return nextRecords();
  },
  find({ layers, question }) {
    records = imageRecords(layers.map(layerOf), question);
    return nextRecords();
  },
  findInCache({ question }) {
    records = cacheRecords(question);
    return nextRecords();
  },
  next: nextRecords,
} satisfies AnalysisMethods);

function layerOf({ number, hidesTableMarkers, digest, columns, blobSize }: GivenLayer) {
  return { number, hidesTableMarkers, layer: { digest }, entries: new EntryColumns(columns, blobSize) };
}

async function nextRecords(): Promise<Records> {
  const batch: object[] = [];
  while (records && batch.length < RECORDS_AT_ONCE) {
    const one = await records.next();
    if (one.done) return { records: batch, isEnd: true };
    batch.push(one.value);
  }
  return { records: batch, isEnd: false };
}

/** Moves the buffers of columns to the caller. */
function moved<T extends object>(value: T): Transferred<T> {
  const views: unknown[] = ArrayBuffer.isView(value) ? [value] : Object.values(value);
  const buffers = views.flatMap((view) => (ArrayBuffer.isView(view) ? [view.buffer as ArrayBuffer] : []));
  return new Transferred(value, [...new Set(buffers)]);
}
