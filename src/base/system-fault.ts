/** What helps against a shortage, by the system's error code. */
const ADVICE: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit on open files (ulimit -n)',
  ENFILE: 'the machine has too many open files',
  EAGAIN: 'raise the limit on processes and threads (ulimit -u)',
  ENOMEM: 'free memory, or raise the limits on it (ulimit -v, the container)',
};

/** Returns what helps against a shortage on this machine that a connection met; undefined for every other code. */
export function shortageAdvice(code: string | undefined): string | undefined {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM' ? ADVICE[code] : undefined;
}

/** Node's codes for a thread that could not be started, or ran out of memory. */
const WORKER_CODE = /^ERR_WORKER_(INIT_FAILED|OUT_OF_MEMORY)$/;

/** V8's words for memory that it did not get: an ArrayBuffer, a WebAssembly memory. */
const ALLOCATION = /allocation failed|cannot allocate|could not allocate/i;

/**
 * Returns the message of an error that the operating system caused: a system call that failed, a thread or memory that it
 * refused. undefined for all others: those are faults of the program. Such an error reaches this place only when the code
 * that met it did not expect it: /proc is missing, descriptors or memory ran out.
 */
export function systemFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined && typeof code === 'string') {
    const isShown = error.message.includes(code);
    return withAdvice(isShown ? error.message : `${error.message}: ${code}`, code);
  }
  if (typeof code === 'string' && WORKER_CODE.test(code)) {
    const cause = /\bE[A-Z]+\b/.exec(error.message.replace(code, ''))?.[0] ?? 'ENOMEM';
    return withAdvice(`a thread could not run: ${error.message}`, cause);
  }
  if (error instanceof RangeError && ALLOCATION.test(error.message))
    return withAdvice(error.message, 'ENOMEM');
  return undefined;
}

function withAdvice(message: string, code: string): string {
  const advice = ADVICE[code];
  return advice === undefined ? message : `${message}: ${advice}`;
}
