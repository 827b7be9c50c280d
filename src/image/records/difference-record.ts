import type { TreeDifference } from '../../overlay/compare/compare-trees.js';
import { joinPath } from '../../overlay/resolve-path.js';
import type { ComparedView, ContentDifference } from '../compare/comparison.js';
import type { ConfigDifference, StepDifference } from '../compare/config-differences.js';
import { nameFields, placedRecord, shownEntry } from './entry-record.js';

/** The two images. */
export interface ComparedSides {
  from: ComparedView;
  to: ComparedView;
}

export function changeOf({ from, to, error }: TreeDifference): 'added' | 'removed' | 'changed' | 'error' {
  if (error) return 'error';
  return from === 0 ? 'added' : to === 0 ? 'removed' : 'changed';
}

/**
 * Returns a difference for programs: a line of `diff --json`.
 * @param doubt `verified: false` if an index was not compared with its layer
 * @param content with `--content`
 */
export function differenceRecord(
  difference: TreeDifference,
  sides: ComparedSides,
  doubt: object,
  content: ContentDifference | undefined,
): Record<string, unknown> {
  const { names, from, to, fields, error } = difference;
  const withXattrs = fields.includes('xattrs');
  return {
    ...nameFields('path', joinPath(names)),
    change: changeOf(difference),
    fields,
    ...(error && { error: { code: error.code, message: error.message } }),
    ...doubt,
    from: sideRecord(sides.from.view, from, withXattrs),
    to: sideRecord(sides.to.view, to, withXattrs),
    ...(content && { content: contentRecord(content) }),
  };
}

/** Returns an entry without its path; null if it is missing. */
function sideRecord(
  { tree, byNumber }: ComparedView['view'],
  inode: number,
  withXattrs: boolean,
): object | null {
  if (inode === 0) return null;
  const layer = tree.layerOf(inode);
  const place = { layer, layerDigest: byNumber.get(layer)?.digest };
  const { path: _, state: __, ...entry } = placedRecord(shownEntry(tree, inode), new Uint8Array(0), place);
  return {
    ...entry,
    ...(withXattrs && {
      xattrs: tree.xattrs(inode).map(({ name, value }) => ({
        ...nameFields('name', name),
        valueBase64: Buffer.from(value).toString('base64'),
      })),
    }),
  };
}

/** Bytes that are not UTF-8 become U+FFFD. */
function contentRecord(content: ContentDifference): object {
  if (content.kind !== 'text') return content;
  return { kind: 'text', diff: Buffer.from(content.text, 'latin1').toString() };
}

/** Returns a difference of configs for programs. It has no path. */
export function configRecord(difference: ConfigDifference | StepDifference): Record<string, unknown> {
  const { kind, from = null, to = null } = difference;
  const change = from === null ? 'added' : to === null ? 'removed' : 'changed';
  const row = { path: null, change, fields: [kind] };
  if (difference.kind === 'step') return { ...row, step: difference.step, from, to };
  const { field, key } = difference;
  return { ...row, config: field, ...(key !== undefined && { key }), from, to };
}
