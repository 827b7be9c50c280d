/** Coloured parts of a text, in order and without overlaps. Three numbers a part. */
export interface Spans {
  parts: number[]; // start, end (UTF-16 units), number of the scope
  scopes: string[]; // `keyword`, `string`, …
}

/** A part of a row, and the scope that colours it. */
export interface ColoredText {
  text: string;
  scope: string | undefined;
}

/** Returns the parts of `text`, which starts at `start` in the text that the spans are of. */
export function coloredParts(text: string, start: number, { parts, scopes }: Spans): ColoredText[] {
  const result: ColoredText[] = [];
  const end = start + text.length;
  let done = start;
  for (let at = firstAfter(parts, start); at < parts.length && parts[at]! < end; at += 3) {
    const from = Math.max(done, parts[at]!);
    const to = Math.min(end, parts[at + 1]!);
    if (from > done) result.push({ text: text.slice(done - start, from - start), scope: undefined });
    if (to > from) result.push({ text: text.slice(from - start, to - start), scope: scopes[parts[at + 2]!] });
    done = Math.max(done, to);
  }
  if (done < end) result.push({ text: text.slice(done - start), scope: undefined });
  return result;
}

/** Returns where the first part that ends after an offset stands. */
function firstAfter(parts: readonly number[], offset: number): number {
  let low = 0;
  let high = parts.length / 3;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (parts[middle * 3 + 1]! > offset) high = middle;
    else low = middle + 1;
  }
  return low * 3;
}
