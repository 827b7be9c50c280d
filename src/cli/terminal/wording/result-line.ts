import { printable } from '../../../base/text/printable.js';
import type { MountSummary } from '../../../daemon/daemon-client.js';
import { type Digest, isDigest } from '../../../oci/digest.js';
import { countText, formatDuration, formatSize } from './size.js';

/**
 * `IMAGE@DIGEST (PLATFORM, 8 layers, 5432 entries) on DIR, 19.8 MiB fetched in 1.9 s`, and behind
 * it which layers were not compared.
 */
export function mountLine(summary: MountSummary, elapsedMs: number): string {
  const { image, digest, platform, layers, entries, mountpoint, bytesFetched } = summary;
  const size = `${countText(layers, 'layer')}, ${countText(entries, 'entry', 'entries')}`;
  return printable(
    `${imageTitle({ reference: image, digest })} (${platform}, ${size}) on ${mountpoint}, ` +
      fetchedText(bytesFetched, elapsedMs) +
      uncomparedText(summary),
  );
}

/** `; 2 layers by the publisher's table, not compared with the layer` */
function uncomparedText({ layersByTable, layersByIndex }: MountSummary): string {
  const parts = [
    ...(layersByTable > 0 ? [`${countText(layersByTable, 'layer')} by the publisher's table`] : []),
    ...(layersByIndex > 0 ? [`${countText(layersByIndex, 'layer')} by a published index`] : []),
  ];
  return parts.length === 0 ? '' : `; ${parts.join(', ')}, not compared with the layer`;
}

export function fetchedText(bytes: number, elapsedMs: number): string {
  return `${formatSize(bytes)} fetched in ${formatDuration(elapsedMs)}`;
}

/**
 * Returns `docker.io/library/nginx:alpine@sha256:…`, with the digest of the chosen manifest: the
 * reference's own may be that of an index.
 */
export function imageTitle({ reference, digest }: { reference: string; digest: Digest }): string {
  // Places on this machine may have an @ of their own: `oci:dir:@0`.
  const at = reference.lastIndexOf('@');
  const name = isDigest(reference.slice(at + 1)) ? reference.slice(0, at) : reference;
  return `${name}@${digest}`;
}
