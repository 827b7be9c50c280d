import { type Pack, pack } from 'tar-stream';

/** A file of an archive of plain files. */
export interface PackedFile {
  name: string; // ASCII, relative
  size: number; // bytes
  /** All bytes of the file. A part belongs to the reader from then on. */
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A directory, by its name: `blobs/`. */
export type PackedMember = PackedFile | { directory: string };

/** The same for each archive: an image saved twice is the same archive, byte for byte. */
const MODIFIED = new Date(0);
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Yields the bytes of a tar of these members, as they come. It is for archives of images, which
 * have ASCII names and plain files. `tar-writer.ts` writes all other tars: tar-stream changes names
 * that are not UTF-8, and times after 2038.
 * @throws what `members` or a content throws; Error if a content has another size
 */
export async function* packFiles(
  members: AsyncIterable<PackedMember> | Iterable<PackedMember>,
): AsyncGenerator<Uint8Array> {
  const archive = pack();
  const fault = feed(archive, members).then(
    () => undefined,
    (error: unknown) => {
      archive.destroy();
      return { error };
    },
  );
  let broken: { error: unknown } | undefined;
  try {
    yield* archive as AsyncIterable<Uint8Array>;
  } catch (error) {
    broken = { error };
  } finally {
    archive.destroy(); // also for a reader that leaves: `feed` then ends
  }
  const failed = (await fault) ?? broken; // the fault of a member comes before its consequence
  if (failed) throw failed.error;
}

async function feed(
  archive: Pack,
  members: AsyncIterable<PackedMember> | Iterable<PackedMember>,
): Promise<void> {
  for await (const member of members) {
    if (archive.destroyed) return;
    if ('directory' in member) {
      archive.entry({ name: member.directory, type: 'directory', mode: DIRECTORY_MODE, mtime: MODIFIED });
      continue;
    }
    await addFile(archive, member);
  }
  archive.finalize();
}

/** Resolves when the archive has the file, or was destroyed. */
async function addFile(archive: Pack, { name, size, content }: PackedFile): Promise<void> {
  const header = { name, size, mode: FILE_MODE, mtime: MODIFIED };
  let isEnded = false;
  let wake: () => void = () => {};
  let failure: Error | null | undefined;
  const sink = archive.entry(header, (error) => {
    isEnded = true;
    failure = error;
    wake();
  });
  sink.on('error', () => {}); // the callback has it
  sink.on('drain', () => wake());
  const event = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  for await (const bytes of content) {
    if (isEnded) break;
    if (!sink.write(bytes) && !isEnded) await event();
  }
  sink.end(null);
  while (!isEnded) await event();
  if (failure) throw failure;
}
