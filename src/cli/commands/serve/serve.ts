import { setTimeout as sleep } from 'node:timers/promises';
import { type LogLevel, logTo } from '../../../base/log.js';
import { limitHeapGrowth } from '../../../base/process/heap-growth.js';
import { startSession } from '../../../engine/session.js';
import { imageArgument } from '../../../surroundings/image-argument.js';
import type { Command } from '../../command.js';
import { programVersion } from '../../command-line/program-version.js';
import { imageChoices } from '../../options/image-choices.js';
import { usageError } from '../../options/usage-error.js';
import { Interruption } from '../../process/interruption.js';
import { parseSize } from '../../terminal/wording/size.js';
import { SERVE } from './declaration.js';
import { openBrowser } from './open-browser.js';
import { allowedHosts, allowedRegistries, registryChoices } from './serve-choices.js';

/** Time for threads and connections to end. */
const CLOSE_MS = 3_000;

/** Bytes of decompressed chunks. */
const MEMORY = 32 * 1024 * 1024;

/** What the log file has instead of the token. */
const HIDDEN = '(not logged)';

export const serve: Command<typeof SERVE.options> = {
  ...SERVE,
  async run(values, words, context) {
    const { output, cwd, uid } = context;
    const port = numberOption('--port', values.port ?? '8000', 0, 65_535);
    const maxRequests = numberOption('--max-requests', values['max-requests'] ?? '100', 1, 100_000);
    const maxLayerSize = values['max-layer-size'];
    const maxLayerBytes = maxLayerSize === undefined ? undefined : parseSize(maxLayerSize);
    const noSecrets = {
      username: undefined,
      'password-stdin': false,
      'token-file': undefined,
      platform: undefined,
    };
    const { cache, indexTrust, indexRepository } = imageChoices({ ...values, ...noSecrets }, context);
    const opened = words.map((word) => imageArgument(word, cwd));
    const references = new Set(opened.map(({ reference }) => reference));
    const registries = allowedRegistries(values['allow-registry']);
    const hosts = allowedHosts(values['allow-host']);
    // Loaded on demand: no other command needs it.
    const { startServer, newAccessToken, readAccessToken, allowedDirectory, listeningAddress } = await import(
      '../../../api/server.js'
    );
    const directories = values['allow-path'].map((path) => allowedDirectory(path, cwd));
    const file = values['access-token-file'];
    const token = file === undefined ? newAccessToken() : readAccessToken(file);
    const host = values.host ?? '127.0.0.1';
    const listening = await listeningAddress(host);
    const registry = registryChoices(values, references, listening.isLoopback);
    const localPaths = opened.flatMap(({ localPath }) => localPath ?? []);
    const interruption = new Interruption();
    const isShown = (level: LogLevel) => values.verbose || level === 'warn' || level === 'error';
    const log = logTo((level, message) => {
      if (isShown(level)) output.note(message);
    });
    limitHeapGrowth();
    const server = await startServer({
      host,
      listening,
      port,
      token,
      hosts,
      images: {
        cwd,
        registries,
        refusesNear: !listening.isLoopback,
        directories,
        opened: references,
      },
      cacheDirectory: cache.directory,
      indexSources: { trust: indexTrust, repository: indexRepository },
      showsLocal: listening.isLoopback || values['show-local'],
      maxRequests,
      uid,
      version: programVersion(),
      log,
      startSession: (more) =>
        startSession({
          ...more,
          registry,
          confinement: { within: directories, except: localPaths },
          cache,
          indexTrust,
          indexRepository,
          maxLayerBytes,
          memoryBytes: MEMORY,
          log,
        }),
    }).catch((error) => {
      interruption.release();
      throw error;
    });
    const address = (shown: string) => `${server.address}/#token=${shown}`;
    const browser = values.open
      ? openBrowser(address(token), context, (fault) => log.warn(fault))
      : undefined;
    try {
      if (values.json) {
        output.secretJson({ address: server.address, token }, { address: server.address, token: HIDDEN });
      } else output.secretResult(address(token), address(HIDDEN));
      const { signal } = interruption;
      for (const reference of references) void server.open(reference);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      return interruption.status ?? 0;
    } finally {
      browser?.close();
      await Promise.race([server.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
      interruption.release();
    }
  },
};

function numberOption(name: string, text: string, min: number, max: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw usageError(`${name} wants a number from ${min} to ${max}, got ${text}`);
}
