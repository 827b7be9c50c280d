import { printable } from '../../../../../base/text/printable.js';
import { printableName } from '../../../../../base/text/printable-name.js';
import type { FileVersion, ImageView } from '../../../../../image/opened-image.js';
import { modeText, timeText } from '../../../../../image/records/entry-lines.js';
import { type BuildStep, createdBy } from '../../../../../oci/build-steps.js';
import { joinPath } from '../../../../../overlay/resolve-path.js';
import { countText, formatSize } from '../../../../terminal/wording/size.js';
import { TextScreen } from '../screen/text-screen.js';
import type { BrowsedTree, TreePlace } from '../tree/browsed-tree.js';

/** Entries of a view whose versions are shown: they cost a merge, 0.5 s for these (measured). */
const ENTRIES_FOR_VERSIONS = 300_000;

const LABEL_WIDTH = 'hidden by  '.length;

/** Shows what is known of an entry. */
export async function detailsScreen(
  tree: BrowsedTree,
  place: TreePlace,
  { view, steps }: { view: ImageView; steps: readonly BuildStep[] },
): Promise<TextScreen> {
  const path = joinPath(place.names);
  const entry = tree.entry(place.ref);
  const { layer, layerDigest, hidden } = tree.place(place.ref);
  const { kind } = entry;
  const lines = [
    labelled('kind', kind === 'dir' ? 'directory' : kind),
    labelled('mode', `${modeText(entry)} (${entry.mode.toString(8).padStart(4, '0')})`),
    labelled('owner', `${entry.uid}:${entry.gid}`),
    labelled('time', `${timeText(entry.mtimeSeconds)} UTC`),
  ];
  if (kind === 'file') lines.push(labelled('size', sizeWithBytes(entry.size)));
  if (kind === 'symlink') lines.push(labelled('target', printableName(entry.linkTarget)));
  if (kind === 'char' || kind === 'block')
    lines.push(labelled('device', `${entry.deviceMajor}, ${entry.deviceMinor}`));
  const inode = tree.inodeOf(place.ref);
  if (inode !== 0 && kind !== 'dir') lines.push(labelled('names', String(view.tree.nlink(inode))));
  for (const { name, value } of inode === 0 ? [] : view.tree.xattrs(inode))
    lines.push(labelled('xattr', `${printableName(name)} (${countText(value.length, 'byte')})`));
  if (layerDigest !== undefined)
    lines.push(labelled('layer', String(layer)), labelled('digest', layerDigest));
  const step = createdBy(steps, layer);
  if (step !== undefined) lines.push(labelled('built by', printable(step)));
  if (hidden) lines.push(labelled('hidden by', `layer ${hidden.hiddenBy} (${hidden.how})`));
  lines.push(...(await versionLines(view, path)));
  return new TextScreen(printableName(path), lines);
}

/** The versions of a path through the layers; none if they would take long. */
async function versionLines(view: ImageView, path: Uint8Array): Promise<string[]> {
  const entries = view.layers.reduce((sum, layer) => sum + layer.entries.length, 0);
  if (view.layers.length < 2 || entries > ENTRIES_FOR_VERSIONS) return [];
  const versions = (await view.files()).versions(path);
  return versions.length < 2 ? [] : ['', 'versions', ...versions.map(versionLine)];
}

function versionLine({ layer, change, stat }: FileVersion): string {
  const size = stat?.kind === 'file' ? `, ${sizeWithBytes(stat.size)}` : '';
  return `  ${change} in layer ${layer}${stat && stat.kind !== 'file' ? `, ${stat.kind}` : ''}${size}`;
}

function sizeWithBytes(size: number): string {
  return size < 1024 ? formatSize(size) : `${formatSize(size)} (${size} B)`;
}

function labelled(label: string, value: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${value}`;
}
