import type { CommandDeclaration } from './command-declaration.js';
import { CACHE } from './commands/cache/declaration.js';
import { CARVE } from './commands/carve/declaration.js';
import { COMPLETION } from './commands/completion/declaration.js';
import { INSPECT } from './commands/inspect/declaration.js';
import { INTERACTIVE } from './commands/interactive/declaration.js';
import { INDEX } from './commands/layer-index/declaration.js';
import { MOUNT } from './commands/mount/declaration.js';
import { MOUNTS } from './commands/mounts/declaration.js';
import { PEEK } from './commands/peek/declaration.js';
import { SAVE } from './commands/save/declaration.js';
import { UNMOUNT } from './commands/unmount/declaration.js';

/**
 * Every command, in the order of `--help`. Parsing, help, suggestions, completion, man pages and
 * COMMANDS.md are made from it. `load-command.ts` has what each one does.
 */
export const COMMANDS = [
  MOUNT,
  UNMOUNT,
  MOUNTS,
  INSPECT,
  PEEK,
  CARVE,
  SAVE,
  INDEX,
  INTERACTIVE,
  CACHE,
  COMPLETION,
] as const satisfies readonly CommandDeclaration[];
