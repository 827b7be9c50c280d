import { setTimeout as sleep } from 'node:timers/promises';
import { type LogLevel, logTo } from '../../../base/log.js';
import { startSession } from '../../../engine/session.js';
import { imageArgument } from '../../../surroundings/image-argument.js';
import type { Command } from '../../command.js';
import { imageChoices } from '../../options/image-choices.js';
import { usageError } from '../../options/usage-error.js';
import { Interruption } from '../../process/interruption.js';
import { SERVE } from './declaration.js';

/** Time for threads and connections to end. */
const CLOSE_MS = 1_000;

/** Bytes of decompressed chunks. */
const MEMORY = 64 * 1024 * 1024;

export const serve: Command<typeof SERVE.options> = {
  ...SERVE,
  async run(values, words, context) {
    const { output, cwd, uid } = context;
    const port = numberOption('--port', values.port ?? '8000', 65_535);
    const maxRequests = numberOption('--max-requests', values['max-requests'] ?? '100', 100_000);
    const noSecrets = {
      username: undefined,
      'password-stdin': false,
      'token-file': undefined,
      platform: undefined,
    };
    const { cache, indexTrust, indexRepository } = imageChoices({ ...values, ...noSecrets }, context);
    const opened = new Set(words.map((word) => imageArgument(word, cwd).reference));
    // Loaded on demand: no other command needs it.
    const { startServer, newAccessToken, readAccessToken, allowedDirectory } = await import(
      '../../../api/server.js'
    );
    const file = values['access-token-file'];
    const token = file === undefined ? newAccessToken() : readAccessToken(file);
    const interruption = new Interruption();
    const isShown = (level: LogLevel) => values.verbose || level === 'warn' || level === 'error';
    const log = logTo((level, message) => {
      if (isShown(level)) output.note(message);
    });
    const server = await startServer({
      host: values.host ?? '127.0.0.1',
      port,
      token,
      hosts: values['allow-host'],
      images: {
        cwd,
        registries: values['allow-registry'],
        directories: values['allow-path'].map(allowedDirectory),
        opened,
      },
      cacheDirectory: cache.directory,
      indexSources: { trust: indexTrust, repository: indexRepository },
      showsLocal: true,
      maxRequests,
      uid,
      version: '0.1.0',
      log,
      startSession: () =>
        startSession({
          registry: { insecure: values.insecure },
          cache,
          indexTrust,
          indexRepository,
          memoryBytes: MEMORY,
          log,
        }),
    });
    try {
      if (values.json) output.json({ address: server.address, token });
      else output.result(`${server.address}/#token=${token}`);
      await new Promise((resolve) => interruption.signal.addEventListener('abort', resolve, { once: true }));
      return interruption.status ?? 0;
    } finally {
      await Promise.race([server.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
      interruption.release();
    }
  },
};

function numberOption(name: string, text: string, max: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= max) return number;
  throw usageError(`${name} wants a number up to ${max}, got ${text}`);
}
