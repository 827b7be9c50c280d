import { useEffect, useState } from 'preact/hooks';
import type { EntryRecord, StatRecord } from '../../../api/schemas/entry.js';
import { isIndexed } from '../../model/image.js';
import { arriveAt } from '../../model/panes.js';
import { type FileView, place } from '../../model/place.js';
import { shownPath } from '../../model/raw-path.js';
import { HexView } from '../content/hex-view.js';
import { isPicture, PictureView } from '../content/picture-view.js';
import { TextView } from '../content/text-view.js';
import { imageQuery } from '../parts/image-query.js';
import { LayerBadge } from '../parts/layer-badge.js';
import { PlaceLink } from '../parts/place-link.js';
import { RequestState } from '../parts/request-state.js';
import { attempts } from '../parts/requests.js';
import { type AskedStat, useStat } from '../parts/use-stat.js';
import { DirectoryView } from './directory-view.js';
import { DownloadLink } from './download-link.js';
import { EntryHeader } from './entry-header.js';
import { HistoryView } from './history-view.js';
import { contentQuery, withFate } from './shown-entry.js';

/** The entry that the page is at: what it is, what it holds, and how it came to be. */
export function EntryPane() {
  const { path, layer } = place.value;
  const shown = useStat({ path, layer });
  // Of one layer's own tree. It needs no other layer, so what the others do to the entry comes later.
  const merged = useStat(layer === undefined || !isIndexed.value ? undefined : { path });
  const kind = shown.value?.entry.kind;
  useEffect(() => {
    // Other views have a list first, and the path is one of its rows.
    if (kind !== undefined) arriveAt({ isDirectory: kind === 'dir' || place.peek().view !== 'tree' });
  }, [kind, path]);
  if (shown.isMissing) return <Absent merged={merged} />;
  return (
    <div class="file">
      <RequestState request={shown} what="entry" />
      {shown.value !== undefined && (
        <Entry
          stat={layer === undefined ? shown.value : withFate(shown.value, layer, merged.value)}
          history={layer === undefined ? shown.value : merged.value}
        />
      )}
    </div>
  );
}

/**
 * Nothing is at the path, as after a change of the platform. Of a layer without it: others may have
 * it, or this one deletes it.
 */
function Absent({ merged }: { merged: AskedStat }) {
  const { path, layer } = place.value;
  const isNowhere = layer === undefined || merged.isMissing;
  return (
    <div class="file">
      <header class="entry-header">
        <h2 class="entry-path">{shownPath(path)}</h2>
        {isNowhere ? (
          <p role="status">
            No layer of the image has such an entry. <PlaceLink to={{ path: '/' }}>Show the root</PlaceLink>
          </p>
        ) : (
          <p role="status">
            Layer <LayerBadge layer={layer} /> has no such entry.{' '}
            <PlaceLink to={{ layer: undefined }}>All layers merged</PlaceLink>
          </p>
        )}
      </header>
      {merged.value !== undefined && <HistoryView stat={merged.value} />}
    </div>
  );
}

const TAB_NAMES: Readonly<Record<FileView, string>> = {
  text: 'Text',
  hex: 'Hex',
  picture: 'Picture',
  history: 'History',
};

interface EntryProps {
  stat: StatRecord;
  history: StatRecord | undefined; // through all layers; undefined: not known yet
}

function Entry({ stat, history }: EntryProps) {
  const { entry } = stat;
  const query = contentQuery(entry, imageQuery(), place.value.layer);
  // Each version is a component of its own: nothing of one file stays for the next.
  const key = `${attempts.value} ${JSON.stringify(query)}`;
  const [binary, setBinary] = useState<string>(); // key of a file that is no text
  const tabs = tabsOf(entry);
  const first = tabs[0] === 'text' && binary === key ? 'hex' : tabs[0]!;
  const wanted = place.value.file;
  const tab = wanted !== undefined && tabs.includes(wanted) ? wanted : first;
  const props = { query, entry };
  return (
    <>
      <EntryHeader entry={entry} stat={stat} />
      <nav class="tab-bar ways" aria-label="Ways to show the entry">
        {tabs.map((one) => (
          <PlaceLink key={one} to={{ file: one }} isCurrent={one === tab}>
            {one === 'text' && !isFile(entry) ? 'Details' : TAB_NAMES[one]}
          </PlaceLink>
        ))}
        <DownloadLink entry={entry} />
      </nav>
      {tab === 'history' && history !== undefined && <HistoryView stat={history} />}
      {tab === 'history' && history === undefined && (
        <p class="note">The versions appear when all layers are indexed.</p>
      )}
      {tab === 'text' && !isFile(entry) && <DirectoryView entry={entry} stat={stat} />}
      {tab === 'text' && isFile(entry) && <TextView key={key} {...props} onBinary={() => setBinary(key)} />}
      {tab === 'hex' && <HexView key={key} {...props} />}
      {tab === 'picture' && <PictureView key={key} {...props} />}
    </>
  );
}

/** A hard link has the content of the file that it names. */
function isFile({ kind }: EntryRecord): boolean {
  return kind === 'file' || kind === 'hardlink';
}

function tabsOf(entry: EntryRecord): FileView[] {
  if (!isFile(entry)) return ['text', 'history'];
  return isPicture(entry.path) ? ['picture', 'text', 'hex', 'history'] : ['text', 'hex', 'history'];
}
