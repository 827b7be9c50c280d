import { spawn } from 'node:child_process';
import { systemCode } from '../../base/errors.js';
import { systemErrorText } from '../../base/system-error-text.js';
import type { Notice } from '../requests/retry.js';
import { type Credentials, NO_USERNAME } from './docker-config.js';

/** The name is part of a program's name: no path, no option, no shell syntax. */
const HELPER_NAME = /^[A-Za-z0-9_.-]+$/;
/** A helper may query a keychain or a cloud. One that waits for a user must not hold up a mount. */
const HELPER_DEADLINE_MS = 10_000;
/** Bytes of a helper's answer. Tokens have a few KiB. */
const ANSWER_SIZE_MAX = 1024 * 1024;

/**
 * Runs `docker-credential-NAME get` for a server's credentials (docker-credential-helpers
 * protocol). Returns undefined if it has none, or failed, which is reported. The caller then tries
 * the next source.
 */
export async function askHelper(
  name: string,
  server: string,
  environment: NodeJS.ProcessEnv,
  notice: Notice,
  signal: AbortSignal,
  deadlineMs: number = HELPER_DEADLINE_MS,
): Promise<Credentials | undefined> {
  if (!HELPER_NAME.test(name)) {
    notice(`credential helper ${JSON.stringify(name.slice(0, 100))} is not used: not a valid name`);
    return undefined;
  }
  const from = `docker-credential-${name}`;
  const { text, failure } = await run(from, server, environment, signal, deadlineMs);
  signal.throwIfAborted();
  if (failure !== undefined) {
    // By the protocol, a helper without credentials prints this to stdout, with status 1.
    if (!/credentials not found/i.test(text)) {
      notice(`${from} gave no credentials for ${server}: ${failure}`);
    }
    return undefined;
  }
  try {
    const answer = JSON.parse(text) as { Username?: unknown; Secret?: unknown };
    const { Username: username, Secret: secret } = answer;
    if (typeof username !== 'string' || typeof secret !== 'string') return undefined;
    if (username === '' || secret === '') return undefined;
    if (username === NO_USERNAME) return { kind: 'identity', username, token: secret, from };
    return { kind: 'basic', username, password: secret, from };
  } catch {
    notice(`${from} gave no credentials for ${server}: its answer is not JSON`);
    return undefined;
  }
}

/** Its output may contain a secret, so a failure is reported by status only. */
function run(
  program: string,
  server: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<{ text: string; failure: string | undefined }> {
  return new Promise((resolve) => {
    // In its own process group: a script's child processes must end with it.
    const child = spawn(program, ['get'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: environment,
      shell: false,
      detached: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let failure: string | undefined;
    const end = (why: string) => {
      failure ??= why;
      child.stdout.destroy();
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // already ended
      }
    };
    const onAbort = () => end('interrupted');
    const timer = setTimeout(() => end(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
    signal.addEventListener('abort', onAbort, { once: true });
    const finish = (why: string | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve({ text: Buffer.concat(chunks).toString('utf8'), failure: failure ?? why });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > ANSWER_SIZE_MAX) end('its answer is too long');
      else chunks.push(chunk);
    });
    child.on('error', (error) => {
      const isMissing = systemCode(error) === 'ENOENT';
      finish(isMissing ? 'not installed' : (systemErrorText(error) ?? 'failed'));
    });
    child.on('close', (status) => {
      finish(status === 0 ? undefined : `it ended with status ${status ?? 'unknown'}`);
    });
    child.stdin.on('error', () => {}); // a helper that does not read its input: its status decides
    child.stdin.end(server);
  });
}
