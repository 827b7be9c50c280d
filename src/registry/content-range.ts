/** Content-Range of a 206. RFC 9110, section 14.4. */
export interface ContentRange {
  first: number; // byte offsets, both inside
  last: number;
  size: number | undefined; // of the whole blob; undefined for `*`
}

/** undefined: missing, or not a range of bytes. */
export function parseContentRange(text: string | undefined): ContentRange | undefined {
  const found = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(text ?? '');
  if (!found) return undefined;
  const [first, last] = [Number(found[1]), Number(found[2])];
  const size = found[3] === '*' ? undefined : Number(found[3]);
  if (last < first || (size !== undefined && last >= size)) return undefined;
  return { first, last, size };
}
