import { oneLine } from '../base/text/one-line.js';
import { type Descriptor, isForeign } from './descriptor.js';
import { showMediaType } from './layer-type.js';

/** Maximum urls to try, or to show, per layer; real manifests have one or two. */
const URLS_MAX = 8;

/** Returns the other locations of a layer, as its manifest states them. */
export function foreignUrls({ urls }: Pick<Descriptor, 'urls'>): string[] {
  return urls?.slice(0, URLS_MAX) ?? [];
}

/**
 * Returns a note that missing content is elsewhere: ` (foreign layer, TYPE: its content is at
 * URL)`. Empty for an ordinary descriptor.
 */
export function foreignNote(descriptor: Pick<Descriptor, 'mediaType' | 'urls'>): string {
  if (!isForeign(descriptor)) return '';
  const urls = foreignUrls(descriptor).map(shownUrl).join(', ');
  const where = urls === '' ? 'its manifest has no url' : `its content is at ${urls}`;
  return ` (foreign layer, ${showMediaType(descriptor.mediaType)}: ${where})`;
}

/** Returns a url without its query, which may hold a signature, and without credentials. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return 'a url that is not valid';
  const { protocol, host, pathname } = new URL(text);
  return oneLine(`${protocol}//${host}${pathname}`);
}
