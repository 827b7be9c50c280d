import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { makeDirectories } from '../base/make-directories.js';
import { diskFault, onDisk } from '../base/on-disk.js';
import { fsPath } from '../base/text/raw-text.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { blobPath } from '../oci/blob-path.js';
import { type Digest, digestHex, digestOf } from '../oci/digest.js';
import { isJsonObject, ownField, parseJsonObject, stringMap } from '../oci/json.js';
import { MEDIA_TYPES } from '../oci/media-type.js';
import { ociManifest } from '../oci/oci-manifest.js';
import type { ImageDocuments, ResolvedImage } from '../source/image-source.js';
import { indexEntry, LAYOUT_MARKER, LAYOUT_VERSION, REF_NAME } from './layout-documents.js';
import { PartialFile } from './partial-file.js';
import type { SaveTarget } from './saved-blob.js';

/** OCI image-spec, image-layout.md. */
const LAYOUT_FILE = 'oci-layout';
const INDEX_FILE = 'index.json';
/** The file of a save that was killed at its first step. */
const LAYOUT_PARTIAL = partialName(LAYOUT_FILE);
/** Inside the layout, so that it works across containers. */
const LAYOUT_LOCK = '.layout.lock';

/** Adds images to an OCI layout, beside others. `index.json` lists only complete images. */
export class LayoutWriter {
  readonly #directory: string;
  readonly #onUnlocked: (reason: string) => void;

  private constructor(directory: string, onUnlocked: (reason: string) => void) {
    this.#directory = directory;
    this.#onUnlocked = onUnlocked;
  }

  /**
   * @param directory absolute; a layout, an empty directory, or none yet
   * @param onUnlocked called if concurrent saves cannot be excluded
   * @throws LayerslayerError IO_FAILED; UNSUPPORTED if it is a layout of another version; the
   *   signal's reason
   */
  static async open(
    directory: string,
    onUnlocked: (reason: string) => void,
    signal: AbortSignal,
  ): Promise<LayoutWriter> {
    const writer = new LayoutWriter(directory, onUnlocked);
    makeOutputDirectory(directory);
    await writer.#alone(() => writer.#begin(), signal);
    return writer;
  }

  /** Creates the layout, or checks that it is one. */
  async #begin(): Promise<void> {
    const directory = this.#directory;
    const names = await onDisk(`reading ${directory}`, () => readdir(fsPath(directory)));
    const marker = join(directory, LAYOUT_FILE);
    if (names.includes(LAYOUT_FILE)) {
      const content = parseJsonObject(
        await onDisk(`reading ${marker}`, () => readFile(fsPath(marker))),
        marker,
      );
      const version = ownField(content, 'imageLayoutVersion');
      if (version !== LAYOUT_VERSION) {
        const got = JSON.stringify(version)?.slice(0, 100);
        throw new LayerslayerError('UNSUPPORTED', `${marker}: got version ${got}, want ${LAYOUT_VERSION}`);
      }
    } else if (names.some((name) => name !== LAYOUT_PARTIAL && !name.startsWith(LAYOUT_LOCK))) {
      throw new LayerslayerError('IO_FAILED', `${directory} is neither empty nor an OCI layout`);
    } else {
      await this.#write(LAYOUT_FILE, LAYOUT_MARKER);
    }
  }

  /**
   * Returns the files of a layer. @throws LayerslayerError IO_FAILED if its folder can't be created
   */
  target(digest: Digest): SaveTarget {
    const stem = join(this.#directory, blobPath(digest));
    makeOutputDirectory(dirname(stem));
    return { partial: join(this.#directory, `.${digestHex(digest)}.partial`), stem, suffixed: false };
  }

  /**
   * Adds the image, whose layers were saved before. An image of the same name is removed from the
   * index; its blobs stay.
   * @returns the digest of its manifest, which differs for docker's manifests
   */
  async add(
    image: ResolvedImage,
    { manifest, config }: ImageDocuments,
    name: string,
    signal: AbortSignal,
  ): Promise<Digest> {
    const { mediaType, bytes } = ociManifest(image.manifest, manifest);
    const digest = digestOf(bytes, image.digest);
    const entry = indexEntry({ image, name, mediaType, digest, size: bytes.length });
    await this.#alone(async () => {
      await this.#write(blobPath(image.manifest.config.digest), config);
      await this.#write(blobPath(digest), bytes);
      await this.#list(name, entry);
    }, signal);
    return digest;
  }

  /**
   * Runs the task while no other save on this machine writes to this layout. Each save reads before
   * it writes, and would otherwise take another save's partial file for a foreign one.
   */
  async #alone(task: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const onUnlocked = (reason: string | undefined) => reason && this.#onUnlocked(reason);
    await withMachineLock({ directory: this.#directory, name: LAYOUT_LOCK }, task, { signal, onUnlocked });
  }

  async #list(name: string, entry: object): Promise<void> {
    const path = join(this.#directory, INDEX_FILE);
    const bytes = await onDisk(`reading ${path}`, () => readFile(fsPath(path)).catch(unlessMissing));
    const index = bytes
      ? parseJsonObject(bytes, path)
      : { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex };
    const listed = ownField(index, 'manifests');
    const others = (Array.isArray(listed) ? listed : []).filter(
      (one) => !isJsonObject(one) || stringMap(one, 'annotations')?.[REF_NAME] !== name,
    );
    await this.#write(INDEX_FILE, JSON.stringify({ ...index, manifests: [...others, entry] }));
  }

  /** Writes a file whole or not at all. Under the lock: overwrites a dead save's partial file. */
  async #write(path: string, content: Uint8Array | string): Promise<void> {
    const target = join(this.#directory, path);
    makeOutputDirectory(dirname(target));
    const file = await PartialFile.open(join(this.#directory, partialName(path)), target);
    try {
      await file.truncate(0);
      await file.write(Buffer.from(content), 0);
      await file.commit(target);
    } catch (error) {
      await file.discard();
      throw error;
    }
  }
}

/** Creates a directory and its missing parents. @throws LayerslayerError IO_FAILED */
export function makeOutputDirectory(path: string): void {
  try {
    makeDirectories(path, 0o777); // less the umask
  } catch (error) {
    throw diskFault(`making ${path}`, error);
  }
}

function partialName(path: string): string {
  return `.${path.replaceAll('/', '-')}.partial`;
}

function unlessMissing(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
}
