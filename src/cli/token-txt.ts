import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemCode } from '../base/errors.js';
import type { TokenFile } from './first-tool.js';

const NAME = 'token.txt';

/** Bytes; a token of Docker Hub has about 3000. */
const TOKEN_MAX = 16 * 1024;

/** RFC 6750, 2.1, `b64token`. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*\r?\n?$/;

/** Returns the first tool's token file in the working directory. Other contents are ignored. */
export function tokenTxt(cwd: string): TokenFile {
  const path = resolve(cwd, NAME);
  let fd: number;
  try {
    // Opening a pipe would wait for its writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? {} : notUsed(systemCode(error) ?? 'it cannot be opened');
  }
  try {
    if (!fstatSync(fd).isFile()) return notUsed('it is no regular file');
    const bytes = Buffer.alloc(TOKEN_MAX);
    const length = readSync(fd, bytes, 0, TOKEN_MAX, 0);
    const isToken = length < TOKEN_MAX && TOKEN.test(bytes.toString('latin1', 0, length));
    if (!isToken) return notUsed('it is not one line with a token');
  } catch (error) {
    return notUsed(systemCode(error) ?? 'it cannot be read');
  } finally {
    closeSync(fd);
  }
  return { path, note: `using the token in ${NAME} of this directory, for docker.io` };
}

function notUsed(why: string): TokenFile {
  return { note: `${NAME} of this directory is not used: ${why}` };
}
