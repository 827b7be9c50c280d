import { LayerslayerError, withContext } from '../base/errors.js';
import { openRegularFile, readFully } from '../blob/file-part.js';
import { formatOf, MAGIC_LENGTH } from '../codec/codecs.js';
import { ArchiveMembers } from './archive-members.js';
import { decompressArchive } from './decompressed-archive.js';
import type { LocalFile, LocalFiles } from './local-files.js';

interface OpenArchive extends LocalFile {
  members: ArchiveMembers;
}

/**
 * The files of a tar, read in place. Only a compressed tar is decompressed, into an unnamed file. The
 * archive is opened and scanned at first use and stays open, so replacing it does not affect a
 * mount.
 */
export class ArchiveFiles implements LocalFiles {
  readonly path: string;
  #archive: Promise<OpenArchive> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async find(name: string): Promise<LocalFile | undefined> {
    const { file, members } = await this.#opened();
    try {
      const place = members.find(name);
      return place && { file, ...place };
    } catch (error) {
      throw withContext(error, this.path);
    }
  }

  async close(): Promise<void> {
    const archive = this.#archive;
    this.#archive = undefined;
    await archive?.then(
      ({ file }) => file.close(),
      () => {},
    );
  }

  #opened(): Promise<OpenArchive> {
    // A failure is forgotten, so that a better archive is found.
    this.#archive ??= this.#open().catch((error) => {
      this.#archive = undefined;
      throw error;
    });
    return this.#archive;
  }

  async #open(): Promise<OpenArchive> {
    let { file, size } = await openRegularFile(this.path);
    try {
      const head = new Uint8Array(Math.min(MAGIC_LENGTH, size));
      await readFully(file, head, 0, `reading ${this.path}`);
      const { name: compression, codec } = formatOf(head);
      if (!codec) {
        throw new LayerslayerError(
          'UNSUPPORTED',
          `the archive is compressed with ${compression}: decompress it first`,
        );
      }
      if (!codec.isIdentity) {
        const compressed = file;
        ({ file, size } = await decompressArchive(codec, compressed, size));
        await compressed.close();
      }
      return { file, size, start: 0, members: await ArchiveMembers.scan(file, size) };
    } catch (error) {
      await file.close();
      throw withContext(error, this.path);
    }
  }
}
