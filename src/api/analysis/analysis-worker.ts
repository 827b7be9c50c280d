/** A thread for analyses of images, one after another: merges, what is hidden, sums, searches. */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { LayerslayerError } from '../../base/errors.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { readLayerIndex, sharedIndex } from '../../index/cached-indexes.js';
import { hiddenByLast, hiddenTree } from '../../overlay/history/hidden-tree.js';
import { pathVersions } from '../../overlay/history/path-versions.js';
import { encodedMerge } from '../../overlay/merge/encoded-merge.js';
import { decodeTree, sharedTree } from '../../overlay/open-tree.js';
import type { AnalysisMethods, Records } from './analysis-protocol.js';
import { type ComparisonSources, comparedView } from './compared-side.js';
import { diffRecords } from './diff-records.js';
import { cacheRecords, imageRecords } from './find-records.js';
import { layerOf } from './given-layer.js';
import { type HeldView, heldView } from './given-view.js';
import { hiddenColumns } from './hidden-columns.js';
import { treeSums } from './tree-sums.js';
import { usageRecords } from './usage-records.js';

/** Records of one message. */
const RECORDS_AT_ONCE = 1_000;

/** Fewer records are sent after this time: the reader should not wait for the rest. */
const RECORDS_MS = 200;

let held: HeldView | undefined;
let records: AsyncIterator<object> | Iterator<object> | undefined;

const main = new ThreadPeer<ComparisonSources>(parentPort!, {
  merge({ layers }) {
    const { tree, warnings, bytes } = encodedMerge(layers.map(layerOf));
    return new Transferred({ columns: sharedTree(tree), warnings, bytes }, [bytes.buffer as ArrayBuffer]);
  },
  loadTree({ fd, layers }) {
    const { tree, warnings } = decodeTree(readFileSync(fd), layers.map(layerOf));
    return { columns: sharedTree(tree), warnings };
  },
  loadIndex: ({ fd, size }) => sharedIndex(readLayerIndex(fd, size)),
  hold({ view }) {
    held = undefined; // a fault must not leave another image's view
    held = heldView(view);
  },
  hidden: () => moved(hiddenColumns(hiddenTree(viewHere().layers))),
  hiddenByLayer({ layer }) {
    const upTo = viewHere().layers.filter(({ number }) => number <= layer);
    return moved(hiddenColumns(hiddenByLast(upTo)));
  },
  sums: () => moved(treeSums(viewHere().tree)),
  versions: ({ names }) => pathVersions(viewHere().layers, names),
  usage({ question }) {
    records = usageRecords(viewHere(), question);
    return nextRecords();
  },
  find({ question }) {
    records = imageRecords(viewHere(), question);
    return nextRecords();
  },
  findInCache({ question }) {
    records = cacheRecords(question);
    return nextRecords();
  },
  diff({ from, to, question }) {
    const sides = {
      from: comparedView(from, (wanted) => main.call('read', { side: 'from', ...wanted })),
      to: comparedView(to, (wanted) => main.call('read', { side: 'to', ...wanted })),
    };
    records = diffRecords(sides, question);
    return nextRecords();
  },
  next: nextRecords,
} satisfies AnalysisMethods);

function viewHere(): HeldView {
  if (!held) throw new LayerslayerError('INTERNAL', 'a thread without a view');
  return held;
}

async function nextRecords(): Promise<Records> {
  const batch: object[] = [];
  const endMs = performance.now() + RECORDS_MS;
  while (records && batch.length < RECORDS_AT_ONCE) {
    if (batch.length > 0 && performance.now() > endMs) break;
    const one = await records.next();
    if (one.done) {
      records = undefined;
      return { records: batch, isEnd: true };
    }
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
