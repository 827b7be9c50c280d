import { useState } from 'preact/hooks';
import type { EntryRecord } from '../../../api/schemas/entry.js';
import { ticketUrl } from '../../model/api.js';
import { place } from '../../model/place.js';
import { imageQuery } from '../parts/image-query.js';
import { asApiError } from '../parts/requests.js';
import { contentQuery } from './shown-entry.js';

/** Downloads a file, or a directory as a tar. The URL has a ticket that lives for 60 s. */
export function DownloadLink({ entry }: { entry: EntryRecord }) {
  const [error, setError] = useState<string>();
  const { kind } = entry;
  if (kind !== 'file' && kind !== 'hardlink' && kind !== 'dir') return null;
  const download = async () => {
    setError(undefined);
    try {
      const query = contentQuery(entry, imageQuery(), place.value.layer);
      const link = document.createElement('a');
      link.href = await ticketUrl(kind === 'dir' ? 'tar' : 'file', query);
      link.download = '';
      link.click();
    } catch (fault) {
      setError(asApiError(fault).message);
    }
  };
  return (
    <>
      <button type="button" class="plain download" onClick={() => void download()}>
        {kind === 'dir' ? 'Download tar' : 'Download'}
      </button>
      {error !== undefined && <span role="alert">{error}</span>}
    </>
  );
}
