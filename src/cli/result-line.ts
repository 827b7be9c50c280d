import type { MountSummary } from '../daemon/mount-options.js';
import { isDigest } from '../oci/digest.js';
import { printable } from './printable.js';
import { formatDuration, formatSize } from './size.js';

/** `IMAGE@DIGEST (PLATFORM, 8 layers, 5432 entries) on DIR, 19.8 MiB fetched in 1.9 s` */
export function mountLine(summary: MountSummary, elapsedMs: number): string {
  // A reference by digest may name an image index; what is mounted is the manifest that was chosen from it.
  const at = summary.image.lastIndexOf('@');
  const image = isDigest(summary.image.slice(at + 1)) ? summary.image.slice(0, at) : summary.image;
  const size = `${count(summary.layers, 'layer', 'layers')}, ${count(summary.entries, 'entry', 'entries')}`;
  return printable(
    `${image}@${summary.digest} (${summary.platform}, ${size}) on ${summary.mountpoint}, ` +
      `${formatSize(summary.bytesFetched)} fetched in ${formatDuration(elapsedMs)}`,
  );
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
