const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Binary units with one decimal (`28.3 MiB`); below 1 KiB bytes. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let power = 0;
  let value = bytes;
  // 1023.95 and more would print as 1024.0 of the smaller unit.
  while (value >= 1023.95 && power < UNITS.length - 1) {
    value /= 1024;
    power++;
  }
  return `${value.toFixed(1)} ${UNITS[power]}`;
}
