import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFault } from '../../base/on-disk.js';
import { removeAtExit } from '../../base/process/exit-removal.js';
import { fsPath } from '../../base/text/raw-text.js';
import type { ArchiveOutput } from './archive-output.js';

/** A directory for layers that wait for their turn, which only this user can read. */
export interface SpoolDirectory {
  path: string;
  remove(): Promise<void>;
}

/** @throws LayerslayerError IO_FAILED */
export function makeSpoolDirectory({
  directory,
  isStream,
}: Pick<ArchiveOutput, 'directory' | 'isStream'>): SpoolDirectory {
  const path = join(directory, `.layerslayer-${randomUUID()}`);
  try {
    mkdirSync(fsPath(path), { mode: 0o700 });
  } catch (error) {
    const advice = isStream ? ' (set TMPDIR to use another directory)' : '';
    throw diskFault(`making a directory for layers in ${directory}${advice}`, error);
  }
  const removed = removeAtExit(path);
  return {
    path,
    async remove() {
      await rm(fsPath(path), { recursive: true, force: true }).then(removed, () => {}); // no result
    },
  };
}
