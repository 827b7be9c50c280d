import { useEffect, useState } from 'preact/hooks';
import type { EntryRecord } from '../../../api/schemas/entry.js';
import { type ApiError, getBytes, type Query } from '../../model/api.js';
import { sizeText } from '../../model/format.js';
import { RequestState } from '../parts/request-state.js';
import { asApiError } from '../parts/requests.js';

/** Largest picture that is shown, bytes. */
const PICTURE_MAX = 20 * 1024 * 1024;

/** Media types by extension. An SVG in <img> runs no script and loads nothing. (HTML, 4.8.3) */
const TYPES: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  bmp: 'image/bmp',
  gif: 'image/gif',
  ico: 'image/x-icon',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  svg: 'image/svg+xml',
  webp: 'image/webp',
};

function typeOf(path: string): string | undefined {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined;
}

/** Returns whether the name is that of a picture. */
export function isPicture(path: string): boolean {
  return typeOf(path) !== undefined;
}

export function PictureView({ query, entry }: { query: Query; entry: EntryRecord }) {
  const [url, setUrl] = useState<string>();
  const [error, setError] = useState<ApiError>();
  const [size, setSize] = useState<string>();
  const [isBroken, setBroken] = useState(false);
  const isLarge = entry.size > PICTURE_MAX;
  useEffect(() => {
    if (isLarge) return;
    const controller = new AbortController();
    let made: string | undefined;
    getBytes(query, undefined, controller.signal).then(
      (bytes) => {
        if (controller.signal.aborted) return;
        made = URL.createObjectURL(new Blob([bytes], { type: typeOf(entry.path) ?? '' }));
        setUrl(made);
      },
      (fault: unknown) => {
        if (!controller.signal.aborted) setError(asApiError(fault));
      },
    );
    return () => {
      controller.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, []);
  if (isLarge) return <p class="note">Pictures of more than {sizeText(PICTURE_MAX)} are not shown.</p>;
  if (isBroken) return <p class="note">The browser cannot read this picture. Hex shows its bytes.</p>;
  if (url === undefined)
    return <RequestState request={{ isDone: false, error, progress: undefined }} what="picture" />;
  return (
    <figure class="picture">
      <img
        src={url}
        alt="Content of the file"
        onLoad={({ currentTarget }) =>
          setSize(`${currentTarget.naturalWidth} × ${currentTarget.naturalHeight}`)
        }
        onError={() => setBroken(true)}
      />
      {size !== undefined && <figcaption>{size} pixels</figcaption>}
    </figure>
  );
}
