/**
 * Files at the root of a layer that converters add for eStargz and zstd:chunked: the table itself
 * and the end of the files to prefetch.
 */
const TABLE_FILES = ['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark'].map((name) =>
  Buffer.from(name),
);

/** Returns whether a name at the root is that of a converter's file (rule O10). */
export function isTableFile(name: Uint8Array): boolean {
  return TABLE_FILES.some((one) => one.equals(name));
}
