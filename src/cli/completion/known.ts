import type { CommandContext } from '../command.js';

/** Where one completes. */
export type Place = Pick<CommandContext, 'cwd' | 'env' | 'uid'>;

/** `needsSummaries`: whether the shell shows them; loading all commands takes 30 ms (measured). */
export type Asked = Place & { needsSummaries: boolean };

/** What an offer depends on besides the word. */
export interface Known {
  values: ReadonlyMap<string, string>; // of options that were given
  asked: Asked;
  image?: string | undefined; // the image that stands before
}
