const BLOCK = 512;

/** The lines of a tar-split, by the headers of an ordinary tar. */
export function splitOf(tar: Buffer): string[] {
  const lines: string[] = [];
  let start = 0; // of the bytes that are no content
  const segment = (end: number) =>
    end > start &&
    lines.push(
      JSON.stringify({ type: 2, payload: tar.toString('base64', start, end), position: lines.length }),
    );
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    const isEntry = !'xgLK'.includes(String.fromCharCode(tar[at + 156]!));
    at += BLOCK;
    if (isEntry) {
      segment(at);
      lines.push(JSON.stringify({ type: 1, name: 'ignored', size, payload: 'AAAA', position: lines.length }));
      start = at + size;
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  segment(tar.length);
  return lines;
}
