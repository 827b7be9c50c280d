import type { CommandName } from '../command-names.js';

/** Commands whose session is in this process. Their fetch thread starts before they are loaded. */
export const FETCHING_COMMANDS: ReadonlySet<CommandName> = new Set([
  'inspect',
  'tags',
  'ls',
  'cat',
  'du',
  'diff',
  'cp',
  'export',
  'peek',
  'carve',
  'save',
  'index',
]);

/** Commands that read images: they need more address space than a low limit leaves to Node. */
export const READING_COMMANDS: ReadonlySet<CommandName> = new Set([
  ...FETCHING_COMMANDS,
  'find', // without IMAGE it fetches nothing
  'mount',
  'serve',
  'interactive',
]);
