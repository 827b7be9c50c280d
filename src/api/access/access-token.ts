import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { LayerslayerError } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { fsPath } from '../../base/text/raw-text.js';

/** Bytes of a token that the server makes: 256 bits, in base64url 43 characters. */
const TOKEN_BYTES = 32;

/** A shorter one could be guessed. */
const MIN_LENGTH = 16;

/** Bytes of a token's file. */
const FILE_SIZE_MAX = 64 * 1024;

/** Rights of others than the owner. */
const RIGHTS_OF_OTHERS = 0o077;

/** What `Authorization: Bearer` may have (RFC 6750, 2.1). */
const TOKEN = /^[\w\-.~+/]+=*$/;

/** Returns a new token. */
export function newAccessToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/**
 * Reads a token from a file, without the newline at its end.
 * @throws LayerslayerError IO_FAILED if it can't be read; INVALID_ARGUMENT if others may read it,
 *   or if it is no token
 */
export function readAccessToken(path: string): string {
  const text = readPrivately(path).trim();
  if (text.length < MIN_LENGTH || !TOKEN.test(text)) {
    const want = `want at least ${MIN_LENGTH} letters, digits or -._~+/`;
    throw new LayerslayerError('INVALID_ARGUMENT', `${path} holds no access token: ${want}`);
  }
  return text;
}

function readPrivately(path: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NONBLOCK); // a FIFO would wait
    const stat = fstatSync(fd);
    const { mode, uid, size } = stat;
    if (!stat.isFile() || size > FILE_SIZE_MAX)
      throw new LayerslayerError('INVALID_ARGUMENT', `${path} is no small regular file`);
    if (uid !== process.getuid?.() && uid !== 0) {
      throw new LayerslayerError('INVALID_ARGUMENT', `${path} belongs to another user`);
    }
    if (mode & RIGHTS_OF_OTHERS) {
      const message = `${path} may be read or changed by others: chmod 600 it`;
      throw new LayerslayerError('INVALID_ARGUMENT', message);
    }
    return readFileSync(fd, 'utf8');
  } catch (error) {
    if (error instanceof LayerslayerError) throw error;
    throw new LayerslayerError('IO_FAILED', `reading ${path}: ${reasonText(error)}`, { cause: error });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Returns whether a request brings the token. Takes the same time for any wrong one. */
export function bringsToken(authorization: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && timingSafeEqual(digestOf(given), digestOf(token));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
