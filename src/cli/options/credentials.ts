import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemErrorText } from '../../base/system-error-text.js';
import { fsPath } from '../../base/text/raw-text.js';
import type { RegistryOptions } from '../../registry/registry-options.js';
import type { IMAGE_OPTIONS } from './image-options.js';
import type { OptionValues } from './option-table.js';
import { usageError } from './usage-error.js';

type CredentialChoices = OptionValues<typeof IMAGE_OPTIONS>;

/** A token or password is one line: a larger file is something else. */
const SECRET_CAP = 64 * 1024; // bytes

const STDIN = 0;

/** Checks which options are given together. @throws LayerslayerError INVALID_ARGUMENT */
export function checkCredentialChoices(given: CredentialChoices): void {
  if ((given.username !== undefined) !== given['password-stdin']) {
    throw usageError('--username and --password-stdin go together');
  }
  if (given.username !== undefined && given['token-file'] !== undefined) {
    throw usageError('--token-file and --username exclude each other');
  }
}

/**
 * Returns the options for registries, with secrets. Call it last: it may wait for stdin.
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function readRegistryOptions(given: CredentialChoices, cwd: string): RegistryOptions {
  const options: RegistryOptions = { insecure: given.insecure };
  if (given['token-file'] !== undefined) {
    options.token = readSecret(resolve(cwd, given['token-file']), `--token-file ${given['token-file']}`);
  }
  if (given.username !== undefined) {
    options.username = given.username;
    options.password = readSecret(STDIN, '--password-stdin');
  }
  return options;
}

/** Without the newline that editors and `echo` add. */
function readSecret(from: string | number, name: string): string {
  let text: string;
  try {
    text = readCapped(from);
  } catch (error) {
    throw usageError(`reading ${name}: ${systemErrorText(error) ?? 'failed'}`);
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw usageError(`${name} is empty`);
  if (text.length >= SECRET_CAP || /[\r\n\0]/.test(secret)) throw usageError(`${name} is more than one line`);
  return secret;
}

/** Reads at most SECRET_CAP bytes: `--token-file /dev/zero` never ends. */
function readCapped(from: string | number): string {
  const fd = typeof from === 'number' ? from : openSync(fsPath(from), 'r');
  try {
    const bytes = Buffer.alloc(SECRET_CAP);
    let length = 0;
    for (let read = -1; read !== 0 && length < SECRET_CAP; length += read) {
      read = readSync(fd, bytes, length, SECRET_CAP - length, null);
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
}
