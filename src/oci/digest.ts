import { createHash } from 'node:crypto';
import { LayerslayerError } from '../base/errors.js';

/** Bytes of a SHA-256. */
export const SHA256_LENGTH = 32;

/** `algorithm:hex` in lower case, safe in paths and URLs. (OCI descriptor.md, "Digests") */
export type Digest = string & { readonly __digest: unique symbol };

export type DigestAlgorithm = 'sha256' | 'sha512';

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
}

/** @throws LayerslayerError INVALID_ARGUMENT for anything but a sha256 or sha512 digest */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  throw new LayerslayerError('INVALID_ARGUMENT', `not a sha256 or sha512 digest: ${JSON.stringify(text)}`);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** Returns the digest of bytes, by sha256 or by the algorithm of `like`, to compare with it. */
export function digestOf(bytes: Uint8Array, like?: Digest): Digest {
  const algorithm = like === undefined ? 'sha256' : digestAlgorithm(like);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** With or without the algorithm; six hexadecimal digits or more, and perhaps a message's `…`. */
const PREFIX = /^(?:(sha256|sha512):)?([0-9a-f]{6,128})…?$/;

/** Returns whether the text is a digest or its beginning, as docker and git take it. */
export function isDigestPrefix(text: string): boolean {
  return PREFIX.test(text);
}

/** Returns whether `prefix` is the digest or its beginning. */
export function hasDigestPrefix(digest: Digest, prefix: string): boolean {
  const [, algorithm = digestAlgorithm(digest), hex] = PREFIX.exec(prefix) ?? [];
  return hex !== undefined && algorithm === digestAlgorithm(digest) && digestHex(digest).startsWith(hex);
}

/** Returns `sha256:ab12cd34ef56…`, for messages. */
export function shortDigest(digest: Digest): string {
  return `${digest.slice(0, digest.indexOf(':') + 13)}…`;
}
