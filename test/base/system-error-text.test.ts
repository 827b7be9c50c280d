import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { messageInWords, reasonText, systemCodeText, systemErrorText } from '#src/base/system-error-text.js';

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

it.each([
  ['ENOENT', 'no such file or directory'],
  ['EISDIR', 'is a directory'],
  ['ENOSPC', 'no space left on device'],
  ['EACCES', 'permission denied'],
  ['Unknown system error -122', 'disk quota exceeded'],
  ['ERR_INVALID_ARG_TYPE', undefined],
  ['IO_FAILED', undefined],
  ['constructor', undefined],
])('%s in words is %s', (code, words) => {
  expect(systemCodeText(code)).toBe(words);
});

it.each([
  [
    thrownBy(() => readdirSync('/nope')),
    'no such file or directory',
    "scandir '/nope': no such file or directory",
  ],
  [thrownBy(() => readFileSync('/')), 'is a directory', 'read: is a directory'],
  [coded('spawn node EMFILE', 'EMFILE'), 'too many open files', 'spawn node: too many open files'],
  [coded('ENOSPC', 'ENOSPC'), 'no space left on device', 'no space left on device'],
  [coded('closed at once', 'ECONNRESET'), 'connection reset by peer', 'closed at once'],
  [new TypeError('a bug'), 'a bug', 'a bug'],
  ['no error', 'no error', 'no error'],
])('%s is told without codes', (error, reason, message) => {
  expect(reasonText(error)).toBe(reason);
  expect(messageInWords(error)).toBe(message);
  if (!reason.includes('bug') && !reason.includes('no error')) expect(systemErrorText(error)).toBe(reason);
});

it('a refused connection keeps its address', async () => {
  const error = await new Promise((resolve) => connect(1, '127.0.0.1').on('error', resolve));
  expect(messageInWords(error)).toBe('connect 127.0.0.1:1: connection refused');
});
