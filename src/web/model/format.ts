/** Texts for people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `28.3 MiB`, as the commands have it. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** `2026-11-21 15:04` (UTC) */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `@${seconds}` : date.toISOString().slice(0, 16).replace('T', ' ');
}

/** When an entry was changed. A directory that no entry names has no time. */
export function changedText({ mtime, implied }: { mtime: number; implied?: boolean | undefined }): string {
  return implied ? '–' : timeText(mtime);
}

/** `sha256:0123456789ab` */
export function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}

/** Colours of layers. Their number is always shown too: some people see no colours. */
export const LAYER_COLORS = 8;

/** Returns the class of a layer's colour. */
export function layerClass(layer: number): string {
  return `layer-${(layer - 1) % LAYER_COLORS}`;
}
