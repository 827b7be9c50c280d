/**
 * Members of a layer below a directory that is chosen later. So a table of cases shares one image,
 * each case in its own top-level directory. Paths and hard-link targets are below that directory;
 * symlink targets are as given.
 */
import * as tar from '../support/tar.js';

export type Member = (root: string) => Uint8Array;
export type Bytes = tar.Bytes;

/**
 * Below the case's directory. A name that the archive must have exactly so is a function of that
 * directory.
 */
export type Path = Bytes | ((root: string) => Bytes);

export function below(root: string, path: Path): Bytes {
  if (typeof path === 'function') return path(root);
  if (typeof path === 'string') return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), path]);
}

type Attributes = tar.Attributes;
const asGiven = (target: Path, root: string) => (typeof target === 'function' ? target(root) : target);

export const file =
  (path: Path, content: Bytes = '', attributes: Attributes = {}): Member =>
  (root) =>
    tar.file(below(root, path), content, attributes);
export const dir =
  (path: Path, attributes: Attributes = {}): Member =>
  (root) =>
    tar.dir(below(root, path), attributes);
export const symlink =
  (path: Path, target: Path, attributes: Attributes = {}): Member =>
  (root) =>
    tar.symlink(below(root, path), asGiven(target, root), attributes);
export const hardlink =
  (path: Path, target: Path, attributes: Attributes = {}): Member =>
  (root) =>
    tar.hardlink(below(root, path), below(root, target), attributes);
export const fifo =
  (path: Path, attributes: Attributes = {}): Member =>
  (root) =>
    tar.fifo(below(root, path), attributes);
export const char =
  (path: Path, major: number, minor: number, attributes: Attributes = {}): Member =>
  (root) =>
    tar.char(below(root, path), major, minor, attributes);
export const block =
  (path: Path, major: number, minor: number, attributes: Attributes = {}): Member =>
  (root) =>
    tar.block(below(root, path), major, minor, attributes);
export const whiteout =
  (path: string): Member =>
  (root) =>
    tar.whiteout(`${root}/${path}`);
export const opaque =
  (path = ''): Member =>
  (root) =>
    tar.opaque(path === '' ? root : `${root}/${path}`);
/** Any bytes, made for the case's directory. */
export const raw =
  (make: (root: string) => Uint8Array): Member =>
  (root) =>
    make(root);
