/** Log lines go to a sink that the edge chooses: stderr, a file, or a message port. */

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Log {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
}

export function logTo(sink: (level: LogLevel, message: string) => void): Log {
  return {
    error: (message) => sink('error', message),
    warn: (message) => sink('warn', message),
    info: (message) => sink('info', message),
    debug: (message) => sink('debug', message),
  };
}

export const SILENT_LOG: Log = logTo(() => {});
