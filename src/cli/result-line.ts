import { printable } from '../base/printable.js';
import type { MountSummary } from '../daemon/daemon-client.js';
import { imageTitle } from './image-title.js';
import { formatDuration, formatSize } from './size.js';

/** `IMAGE@DIGEST (PLATFORM, 8 layers, 5432 entries) on DIR, 19.8 MiB fetched in 1.9 s` */
export function mountLine(summary: MountSummary, elapsedMs: number): string {
  const size = `${count(summary.layers, 'layer', 'layers')}, ${count(summary.entries, 'entry', 'entries')}`;
  return printable(
    `${imageTitle({ reference: summary.image, digest: summary.digest })} (${summary.platform}, ${size}) on ${summary.mountpoint}, ` +
      `${formatSize(summary.bytesFetched)} fetched in ${formatDuration(elapsedMs)}`,
  );
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
