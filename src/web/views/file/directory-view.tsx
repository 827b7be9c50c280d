import type { EntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { sizeText, timeText } from '../../model/format.js';
import { place } from '../../model/place.js';
import { pathOf } from '../../model/raw-path.js';
import { imageQuery } from '../parts/image-query.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PlaceLink } from '../parts/place-link.js';
import type { UsageRecord } from '../parts/records.js';
import { RequestState } from '../parts/request-state.js';
import { useLines } from '../parts/requests.js';
import { modeLetters } from './shown-entry.js';

/** Details of what has no content: a directory, a link, a device. */
export function DirectoryView({ entry, stat }: { entry: EntryRecord; stat: StatRecord }) {
  const isListed = entry.kind === 'dir' && entry.state === 'live';
  const query = { ...imageQuery(), path: pathOf(entry), depth: 0, layer: place.value.layer };
  const usage = useLines<UsageRecord>('du', isListed ? query : undefined);
  const total = usage.rows.find((row) => 'bytes' in row);
  return (
    <div class="details">
      {isListed && <RequestState request={usage} what="sizes" />}
      <dl>
        {total !== undefined && (
          <>
            <dt>Files below</dt>
            <dd title={`${total.bytes.toLocaleString('en')} bytes`}>{sizeText(total.bytes)}</dd>
            <dt>Entries</dt>
            <dd>{total.entries.toLocaleString('en')}</dd>
          </>
        )}
        <dt>Mode</dt>
        <dd>
          <code>
            {entry.mode} {modeLetters(entry.mode)}
          </code>
        </dd>
        <dt>Owner</dt>
        <dd>
          user {entry.uid}, group {entry.gid}
        </dd>
        <dt>Changed</dt>
        <dd>{timeText(entry.mtime)} UTC</dd>
        <dt>Layers</dt>
        <dd>
          {stat.versions.map(({ layer }) => (
            <LayerBadge key={layer} layer={layer} />
          ))}
        </dd>
      </dl>
      {isListed && (
        <p>
          <PlaceLink to={{ view: 'treemap' }}>Show its bytes as a treemap</PlaceLink>
        </p>
      )}
    </div>
  );
}
