import { closeSync, constants, existsSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LayerslayerError } from '../base/errors.js';
import { fsPath } from '../base/text/raw-text.js';
import { TarScanner } from '../tar/tar-scanner.js';

/** Bytes read at once: mostly the header of the next member. */
const READ_SIZE = 4 * 1024;
/** An archive of a hundred images of a hundred layers has 40,000 members, a usual one below 100. */
const READS_MAX = 2_000;

/** Images in compressed archives are not searched for: all of it would be read. */
const COMPRESSED = /\.(tar\.(gz|zst)|tgz)$/;

/**
 * Returns the error of a reference with the spelling of an image on this machine, if its text is
 * also the path of one: `./layout` is no reference, `app.tar` is an image of Docker Hub.
 * @param image IMAGE as the user wrote it
 */
export function withLocalImageHint(error: unknown, image: string, cwd: string): unknown {
  if (!(error instanceof LayerslayerError) || !HINTED.has(error.code)) return error;
  const hint = localImage(image, cwd);
  if (hint === undefined) return error;
  const message = `${error.message} (on this machine: ${hint})`;
  return new LayerslayerError(error.code, message, { cause: error });
}

/** A registry that has no such image answers with several codes: Docker Hub with UNAUTHORIZED. */
const HINTED: ReadonlySet<string> = new Set([
  'INVALID_REFERENCE',
  'NOT_FOUND',
  'UNAUTHORIZED',
  'REGISTRY_UNAVAILABLE',
  'TIMED_OUT',
  'RATE_LIMITED',
]);

/** Returns the image that a path has, in the spelling of IMAGE: `oci:layout`; undefined if none. */
export function localImage(text: string, cwd: string): string | undefined {
  try {
    const path = resolve(cwd, text);
    const status: Stats | undefined = statSync(fsPath(path), { throwIfNoEntry: false });
    if (status?.isDirectory())
      return existsSync(fsPath(join(path, 'index.json'))) ? `oci:${text}` : undefined;
    if (!status?.isFile()) return undefined;
    if (COMPRESSED.test(path)) return `docker-archive:${text} or oci-archive:${text}`;
    const kind = archiveKind(path);
    return kind && `${kind}:${text}`;
  } catch {
    return undefined; // a hint must not hide the error that it belongs to
  }
}

/** Reads headers only. @throws if the file is no tar */
function archiveKind(path: string): 'docker-archive' | 'oci-archive' | undefined {
  const names = new Set<string>();
  const tar = new TarScanner({
    onEntry: ({ path: name }) => void names.add(Buffer.from(name).toString('latin1').replace(/^\.\//, '')),
    onWarning: () => {},
  });
  const fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = new Uint8Array(READ_SIZE);
    let at = 0;
    for (let reads = 0; reads < READS_MAX && !names.has('manifest.json'); reads++) {
      const length = readSync(fd, buffer, 0, READ_SIZE, at);
      if (length === 0) break;
      tar.push(buffer, 0, length);
      at += length;
      at += tar.skipContent(Number.MAX_SAFE_INTEGER - at);
    }
  } finally {
    closeSync(fd);
  }
  // docker's own archives have both files.
  if (names.has('manifest.json')) return 'docker-archive';
  return names.has('index.json') ? 'oci-archive' : undefined;
}
