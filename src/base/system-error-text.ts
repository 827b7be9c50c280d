import { getSystemErrorMap } from 'node:util';

/** As glibc and coreutils say it, where libuv's words differ or it has none. */
const WORDS: Readonly<Record<string, string>> = {
  EBUSY: 'device or resource busy',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file exists',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  ENOMEM: 'cannot allocate memory',
  ENOTCONN: 'transport endpoint is not connected',
  ENOTSUP: 'operation not supported',
  ESTALE: 'stale file handle',
};

/** Numbers of Linux that libuv reports as `Unknown system error -122`. */
const UNNAMED: Readonly<Record<string, string>> = { 116: 'ESTALE', 122: 'EDQUOT' };

/** The words of libuv for each name. */
let libuvWords: Map<string, string> | undefined;

/** Returns a system error code in words: `ENOENT` is `no such file or directory`. */
export function systemCodeText(code: string): string | undefined {
  const name = UNNAMED[/^Unknown system error -(\d+)$/.exec(code)?.[1] ?? ''] ?? code;
  if (Object.hasOwn(WORDS, name)) return WORDS[name];
  libuvWords ??= new Map(getSystemErrorMap().values());
  return libuvWords.get(name);
}

/** Returns what the system said, in words; undefined for errors of other origin. */
export function systemErrorText(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? systemCodeText(code) : undefined;
}

/** Returns an error's own reason: what the system said, in words, else its message. */
export function reasonText(error: unknown): string {
  return systemErrorText(error) ?? messageOf(error);
}

/**
 * Returns an error's message with the system's reason in words, at its end:
 * `open '/x': permission denied`, `connect 127.0.0.1:1: connection refused`.
 */
export function messageInWords(error: unknown): string {
  const message = messageOf(error);
  const words = systemErrorText(error);
  const code = (error as { code?: unknown } | undefined)?.code;
  if (words === undefined || typeof code !== 'string') return message;
  // Node: `CODE: words, syscall 'path'`, or `syscall CODE address`.
  if (message.startsWith(`${code}: `)) {
    const comma = message.indexOf(', ');
    return comma < 0 ? words : `${message.slice(comma + 2)}: ${words}`;
  }
  const said = message.split(' ');
  const rest = said.filter((word) => word !== code);
  if (rest.length === said.length) return message; // says it in its own words
  return rest.length === 0 ? words : `${rest.join(' ')}: ${words}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
