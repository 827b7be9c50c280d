import { image, isIndexed, progress } from '../../model/image.js';
import { go, place } from '../../model/place.js';
import { shownPath } from '../../model/raw-path.js';
import { tree } from '../../model/shown-tree.js';
import { StreamedTree } from '../../model/streamed-tree.js';
import { Fault } from '../parts/fault.js';
import { TreeRows } from './tree-rows.js';

/** The files of the image: the merged tree, or one layer's. */
export function TreePane() {
  const shown = tree.value;
  return (
    <>
      <TreeBar />
      {shown ? <Loaded key={JSON.stringify(place.value.layer)} /> : <Indexing />}
    </>
  );
}

function Loaded() {
  const shown = tree.value!;
  const { root, rows, missing } = shown;
  if (rows.value.length === 0)
    return shown instanceof StreamedTree ? <Indexing layer={place.value.layer} /> : <Reading />;
  if (root.error && !root.isBegun) return <Fault error={root.error} onRetry={() => void shown.load(root)} />;
  if (root.isBegun && root.nodes.length === 0) return <p class="note">There are no entries.</p>;
  return (
    <>
      <TreeRows tree={shown} />
      <p class="tree-status" role="status">
        {missing.value !== undefined && `Not in this tree: ${shownPath(missing.value)}`}
        {shown instanceof StreamedTree && <SoFar tree={shown} />}
      </p>
    </>
  );
}

/** Which tree, and what of it. */
function TreeBar() {
  const { layer, deleted } = place.value;
  const layers = image.value?.layers ?? [];
  return (
    <div class="tree-bar">
      <label>
        <span class="unseen">Tree of</span>
        <select
          value={String(layer ?? '')}
          onChange={({ currentTarget: { value } }) => go({ layer: value === '' ? undefined : Number(value) })}
        >
          <option value="">merged</option>
          {layers.map(({ number }) => (
            <option key={number} value={String(number)}>
              layer {number}
            </option>
          ))}
        </select>
      </label>
      <label title={layer === undefined ? 'Entries that upper layers hide' : 'Entries that this layer hides'}>
        <input
          type="checkbox"
          checked={deleted === true}
          onChange={({ currentTarget: { checked } }) => go({ deleted: checked || undefined })}
        />
        deleted
      </label>
    </div>
  );
}

/** Progress of a layer while its entries are listed. */
function SoFar({ tree: { count } }: { tree: StreamedTree }) {
  return (
    <>
      The layer is being read: {count.value.toLocaleString('en')} entries so far, in the order of its archive.
    </>
  );
}

function Reading() {
  return <p class="note">Reading the tree…</p>;
}

/** The progress that the user waits for. @param layer default: all layers */
function Indexing({ layer }: { layer?: number | undefined }) {
  const layers = (progress.value?.layers ?? []).filter((one) => layer === undefined || one.layer === layer);
  const total = layers.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const done = layers.reduce((sum, { doneBytes }) => sum + doneBytes, 0);
  const percent = Math.floor((done / Math.max(1, total)) * 100);
  if (isIndexed.value) return <Reading />;
  const text =
    layer === undefined
      ? 'The layers are being indexed. This happens once.'
      : `Layer ${layer} is being indexed. This happens once.`;
  return (
    <div class="note">
      <p>
        {progress.value?.queued ? 'Other images are being indexed first.' : text}{' '}
        {layer === undefined && 'The merged tree appears when all layers are read.'}
      </p>
      <progress aria-label="Indexed" max={100} value={percent} />
      <p class="faint">{percent} % of the compressed bytes</p>
    </div>
  );
}
