import type { UsageRecord } from '../../../api/schemas/results.js';

/** A key for what one layer hides of another, in one way. */
export function groupKey({ layer, hiddenBy, how }: UsageRecord): string {
  return `${layer} ${hiddenBy} ${how}`;
}

/** Returns the rows without a row below: files, and directories whose content is not listed. */
export function leafRows(rows: readonly UsageRecord[]): UsageRecord[] {
  const parents = new Set<string>();
  for (const row of rows) {
    const key = groupKey(row);
    for (let path = parentOf(row.path); !parents.has(`${key} ${path}`); path = parentOf(path)) {
      parents.add(`${key} ${path}`);
      if (path === '/') break;
    }
  }
  return rows.filter((row) => !parents.has(`${groupKey(row)} ${row.path}`));
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
