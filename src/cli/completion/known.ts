import type { CommandContext } from '../command.js';

/** Where one completes. */
export type Place = Pick<CommandContext, 'cwd' | 'env' | 'uid'>;

/** What an offer depends on besides the word. */
export interface Known {
  values: ReadonlyMap<string, string>; // of options that were given
  place: Place;
  image?: string | undefined; // the image that stands before
}
