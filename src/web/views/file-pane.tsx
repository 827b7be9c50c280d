import { useState } from 'preact/hooks';
import type { EntryRecord, StatRecord } from '../../api/schemas/entry.js';
import { type FileView, place } from '../model/place.js';
import { DirectoryView } from './file/directory-view.js';
import { DownloadLink } from './file/download-link.js';
import { EntryHeader } from './file/entry-header.js';
import { HexView } from './file/hex-view.js';
import { HistoryView } from './file/history-view.js';
import { isPicture, PictureView } from './file/picture-view.js';
import { contentQuery, shownEntry } from './file/shown-entry.js';
import { TextView } from './file/text-view.js';
import { imageQuery } from './parts/image-query.js';
import { RequestState } from './parts/request-state.js';
import { attempts, useJson } from './parts/requests.js';
import { PlaceLink } from './place-link.js';

/** The entry that the page is at: what it is, what it holds, and how it came to be. */
export function FilePane() {
  const { image, path } = place.value;
  const stat = useJson<StatRecord>('stat', image === '' ? undefined : { ...imageQuery(), path });
  return (
    <div class="file">
      {image !== '' && <RequestState request={stat} what="entry" />}
      {stat.value !== undefined && <Entry stat={stat.value} />}
    </div>
  );
}

const TAB_NAMES: Readonly<Record<FileView, string>> = {
  text: 'Text',
  hex: 'Hex',
  picture: 'Picture',
  history: 'History',
};

function Entry({ stat }: { stat: StatRecord }) {
  const entry = shownEntry(stat, place.value.layer);
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
      <nav class="ways" aria-label="Ways to show the entry">
        {tabs.map((one) => (
          <PlaceLink key={one} to={{ file: one }} isCurrent={one === tab}>
            {one === 'text' && !isFile(entry) ? 'Details' : TAB_NAMES[one]}
          </PlaceLink>
        ))}
        <DownloadLink entry={entry} />
      </nav>
      {tab === 'history' && <HistoryView stat={stat} />}
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
