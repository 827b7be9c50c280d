import { messageInWords, systemCodeText } from './system-error-text.js';

/** Advice for a shortage, by system error code. */
const ADVICE: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit on open files (ulimit -n)',
  ENFILE: 'the machine has too many open files',
  EAGAIN: 'raise the limit on processes and threads (ulimit -u)',
  ENOMEM: 'free memory, or raise the limits on it (ulimit -v, the container)',
};

/**
 * Returns advice if a connection failed for a shortage on this machine, undefined for other codes.
 */
export function shortageAdvice(code: string | undefined): string | undefined {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM' ? ADVICE[code] : undefined;
}

/** Node's codes for a thread that could not start or ran out of memory. */
const WORKER_CODE = /^ERR_WORKER_(INIT_FAILED|OUT_OF_MEMORY)$/;

/** Node's codes for a file of ours that is not where it was packed. */
const MISSING_FILE = /^(ERR_)?MODULE_NOT_FOUND$/;

/** Messages of V8, and of Node from 24 on, for a failed allocation of a buffer or of memory. */
const ALLOCATION = /allocation failed|(cannot|could not|failed to) allocate/i;

/**
 * Returns the message of an error that the system caused: a failed system call, or refused memory,
 * threads or permissions. So is a missing file of ours. undefined for other errors, which are
 * faults of the program. Such an error gets here only if its caller did not expect it, for example
 * without /proc or descriptors.
 */
export function systemFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined && typeof code === 'string') {
    const message = messageInWords(error);
    const isSaid = message !== error.message || message.includes(code);
    return withAdvice(isSaid ? message : `${message}: ${systemCodeText(code) ?? code}`, code);
  }
  if (typeof code === 'string' && WORKER_CODE.test(code)) {
    const cause = /\bE[A-Z]+\b/.exec(error.message.replace(code, ''))?.[0] ?? 'ENOMEM';
    return withAdvice(`a worker thread failed: ${error.message}`, cause);
  }
  if (isMissingFile(error)) {
    const [what] = error.message.split('\n'); // a list of modules follows
    return `${what}: files of layerslayer are missing; a bundler must leave the package external`;
  }
  if (code === 'ERR_ACCESS_DENIED') {
    const { permission } = error as { permission?: unknown };
    return `Node's --permission refuses what is needed${permission ? `: ${permission}` : ''}`;
  }
  if (error instanceof RangeError && ALLOCATION.test(error.message))
    return withAdvice(error.message, 'ENOMEM');
  return undefined;
}

/** Bundlers move files apart, or take `import.meta.url` away. */
function isMissingFile({ code = '', input }: NodeJS.ErrnoException & { input?: unknown }): boolean {
  if (code === 'ERR_INVALID_URL') return typeof input === 'string' && input.startsWith('./');
  return MISSING_FILE.test(code);
}

function withAdvice(message: string, code: string): string {
  const advice = ADVICE[code];
  return advice === undefined ? message : `${message}: ${advice}`;
}
