import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { unsupported } from '../base/errors.js';
import type { TarEntry } from '../tar/entry.js';
import { TarScanner } from '../tar/tar-scanner.js';
import type { LocalFile } from './local-files.js';

/** Bytes read at once: the headers and small files between two layers. */
const READ_SIZE = 64 * 1024;
/** A hundred images of a hundred layers have 40,000. */
const MEMBERS_MAX = 200_000;
/** Bytes of all names and link targets. In real archives, each has less than 150. */
const NAMES_MAX = 32 * 1024 * 1024;
/** Links that lead to links: the kernel's own limit. */
const LINKS_MAX = 40;

/** Where a file is in the archive. */
type MemberRange = Omit<LocalFile, 'file'>;

type Member = MemberRange | { link: string } | 'sparse';

/** The regular files of a tar, and links to them. The last entry of a name counts, as in tar(1). */
export class ArchiveMembers {
  readonly #members = new Map<string, Member>();
  #namesSize = 0;

  /**
   * Reads the headers of an archive, and skips contents by seeking.
   * @param size bytes of the file
   * @throws LayerslayerError CORRUPT_LAYER, UNSUPPORTED (past a limit), IO_FAILED
   */
  static async scan(file: FileHandle, size: number): Promise<ArchiveMembers> {
    const members = new ArchiveMembers();
    // Warnings are about types of members that images do not have.
    const tar = new TarScanner({ onEntry: (entry) => members.#add(entry), onWarning: () => {} });
    const buffer = new Uint8Array(READ_SIZE);
    for (let at = 0; at < size; at += tar.skipContent(size - at)) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(READ_SIZE, size - at), at);
      if (bytesRead === 0) break;
      tar.push(buffer, 0, bytesRead);
      at += bytesRead;
    }
    tar.finish();
    return members;
  }

  /**
   * Returns the file of a name, following links inside the archive.
   * @throws LayerslayerError UNSUPPORTED for a sparse file: its bytes are not one range
   */
  find(name: string): MemberRange | undefined {
    let at = rooted(name);
    for (let links = 0; links <= LINKS_MAX; links++) {
      const member = this.#members.get(at);
      if (member === undefined) return undefined;
      if (member === 'sparse') throw unsupported(`its member ${name} is a sparse file`);
      if (!('link' in member)) return member;
      at = member.link;
    }
    return undefined;
  }

  #add(entry: TarEntry): void {
    const name = text(entry.path);
    if (name === undefined) return; // JSON can't name it
    const at = rooted(name);
    const member = memberOf(entry, at);
    this.#members.delete(at);
    if (member === undefined) return;
    this.#members.set(at, member);
    this.#namesSize += entry.path.length + entry.linkTarget.length;
    if (this.#members.size > MEMBERS_MAX) throw unsupported(`it has more than ${MEMBERS_MAX} members`);
    if (this.#namesSize > NAMES_MAX)
      throw unsupported(`its members' names have more than ${NAMES_MAX} bytes`);
  }
}

/** @param at the entry's own name */
function memberOf({ kind, dataOffset, size, sparse, linkTarget }: TarEntry, at: string): Member | undefined {
  if (kind === 'file') return sparse ? 'sparse' : { start: dataOffset, size };
  if (kind !== 'hardlink' && kind !== 'symlink') return undefined;
  const target = text(linkTarget);
  if (target === undefined) return undefined;
  // docker save makes symlinks (`../ID/layer.tar`) of layers that images share.
  return { link: kind === 'hardlink' ? rooted(target) : posix.resolve(posix.dirname(at), target) };
}

/** One spelling for each name; `..` stops at the root, so that none leads out. */
function rooted(name: string): string {
  return posix.resolve('/', `./${name}`);
}

function text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
