import type { FileHandle } from 'node:fs/promises';
import { unsupported, withContext } from '../base/errors.js';
import { formatOf, MAGIC_LENGTH } from '../codec/codecs.js';
import { ArchiveMembers } from './archive-members.js';
import { decompressArchive } from './decompressed-archive.js';
import type { LocalFile, LocalFiles } from './local-files.js';
import { openRegularFile, readFully } from './local-files.js';

/**
 * The files of a tar, read in place. The archive stays open, so replacing it does not affect a
 * mount.
 */
export class ArchiveFiles implements LocalFiles {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly members: ArchiveMembers,
  ) {}

  /**
   * Opens and scans an archive. Decompresses a compressed one into an unnamed file.
   * @param within see `openRegularFile`
   * @throws LayerslayerError NOT_FOUND, IO_FAILED, CORRUPT_LAYER, UNSUPPORTED
   */
  static async open(path: string, within?: readonly string[]): Promise<ArchiveFiles> {
    let { file, size } = await openRegularFile(path, within);
    try {
      const head = new Uint8Array(Math.min(MAGIC_LENGTH, size));
      await readFully(file, head, 0, `reading ${path}`);
      const { name: compression, codec } = formatOf(head);
      if (!codec) throw unsupported(`the archive is compressed with ${compression}: decompress it first`);
      if (!codec.isIdentity) {
        const compressed = file;
        ({ file, size } = await decompressArchive(codec, compressed, size));
        await compressed.close();
      }
      return new ArchiveFiles(path, file, await ArchiveMembers.scan(file, size));
    } catch (error) {
      await file.close();
      throw withContext(error, path);
    }
  }

  async find(name: string): Promise<LocalFile | undefined> {
    try {
      const member = this.members.find(name);
      return member && { file: this.file, ...member };
    } catch (error) {
      throw withContext(error, this.path);
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
