import type { ListedEntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { changedText, sizeText } from '../../model/format.js';
import { place } from '../../model/place.js';
import { pathOf } from '../../model/raw-path.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PlaceLink } from '../parts/place-link.js';
import { modeLetters } from './shown-entry.js';

/** Details of what has no content: a directory, a link, a device. */
export function DirectoryView({ entry, stat }: { entry: ListedEntryRecord; stat: StatRecord }) {
  const { bytes, entries, mode, uid, gid, kind, state, implied } = entry;
  // An empty directory has no files from anywhere.
  const layers = entry.layers?.length ? entry.layers : stat.versions.map(({ layer }) => layer);
  return (
    <div class="details">
      <dl>
        {bytes !== undefined && (
          <>
            <dt>Files below</dt>
            <dd title={`${bytes.toLocaleString('en')} bytes`}>{sizeText(bytes)}</dd>
          </>
        )}
        {entries !== undefined && (
          <>
            <dt>Entries</dt>
            <dd>{entries.toLocaleString('en')}</dd>
          </>
        )}
        <dt>Mode</dt>
        <dd>
          <code>
            {mode} {modeLetters(mode)}
          </code>
        </dd>
        <dt>Owner</dt>
        <dd>
          user {uid}, group {gid}
        </dd>
        <dt>Changed</dt>
        <dd>{implied ? changedText(entry) : `${changedText(entry)} UTC`}</dd>
        <dt>Layers</dt>
        <dd>
          {layers.map((layer) => (
            <LayerBadge key={layer} layer={layer} />
          ))}
        </dd>
      </dl>
      {implied && (
        <p class="faint">
          Only the paths below name this directory: no layer has an entry of its own for it. Mode and owner
          are defaults.
        </p>
      )}
      {kind === 'dir' && (state === 'live' || place.value.layer !== undefined) && (
        <p>
          <PlaceLink to={{ view: 'treemap', path: pathOf(entry) }}>Show its bytes as a treemap</PlaceLink>
        </p>
      )}
    </div>
  );
}
