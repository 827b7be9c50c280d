import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fsPath } from '../../../base/text/raw-text.js';
import type { CommandContext } from '../../command.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { SAVE } from './declaration.js';

export type SaveValues = OptionValues<typeof SAVE.options>;

export type ArchiveFormat = 'docker-archive' | 'oci-archive';

/** What is written, and where, as the user wrote it. */
export type SaveDestination =
  | { kind: 'files'; directory: string }
  | { kind: 'layout'; directory: string }
  | { kind: 'archive'; format: ArchiveFormat; file: string; force: boolean }
  | { kind: 'stream'; format: ArchiveFormat };

/** `-o -` */
const STDOUT = '-';

/** `docker save -o x.tar` writes an archive, so users expect none of these to be a directory. */
const ARCHIVE_NAME = /^-$|\.(tar|tgz|tbz2?|txz|tzst)$|\.tar\.[a-z0-9]+$/i;

/** @throws LayerslayerError INVALID_ARGUMENT */
export function saveDestination(values: SaveValues, { cwd, output }: CommandContext): SaveDestination {
  const [format, directory] = values.format ?? [];
  if (format !== undefined && values.layer.length > 0)
    throw usageError(`--format ${format} takes the whole image: it excludes --layer`);
  if (format === 'docker-archive' || format === 'oci-archive') return archive(format, values, output);
  if (values.force)
    throw usageError('--force replaces an archive: it needs --format docker-archive or oci-archive');
  if (format === undefined) {
    const path = values.output ?? SAVE.options.output.default;
    return { kind: 'files', directory: checkDirectoryName(path, cwd) };
  }
  if (directory !== undefined && values.output !== undefined)
    throw usageError('--format oci DIR says where to save: it excludes --output');
  const path = directory ?? values.output;
  if (path === undefined) throw usageError('--format oci wants a directory: --format oci DIR, or -o DIR');
  return { kind: 'layout', directory: checkDirectoryName(path, cwd) };
}

function archive(
  format: ArchiveFormat,
  { output = STDOUT, force, json }: SaveValues,
  { resultColumns }: CommandContext['output'],
): SaveDestination {
  if (output !== STDOUT) return { kind: 'archive', format, file: output, force };
  // A terminal has a width.
  if (resultColumns !== undefined)
    throw usageError(`--format ${format} writes no archive to a terminal: use -o FILE, or a pipe`);
  if (json) throw usageError('--json and an archive on stdout exclude each other: use -o FILE');
  return { kind: 'stream', format };
}

/** @throws LayerslayerError INVALID_ARGUMENT for an archive's name, unless a directory has it */
function checkDirectoryName(output: string, cwd: string): string {
  const path = fsPath(resolve(cwd, output));
  if (!ARCHIVE_NAME.test(output) || statSync(path, { throwIfNoEntry: false })?.isDirectory()) return output;
  throw usageError(
    `save writes a directory here, not an archive: got ${output}; for one use --format docker-archive -o ${output}`,
  );
}
