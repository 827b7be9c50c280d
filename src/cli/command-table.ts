import type { CommandDeclaration } from './command-declaration.js';
import { CACHE } from './commands/cache/declaration.js';
import { CARVE } from './commands/carve/declaration.js';
import { CAT } from './commands/cat/declaration.js';
import { COMPLETION } from './commands/completion/declaration.js';
import { CP } from './commands/cp/declaration.js';
import { DIFF } from './commands/diff/declaration.js';
import { DU } from './commands/du/declaration.js';
import { EXPORT } from './commands/export/declaration.js';
import { FIND } from './commands/find/declaration.js';
import { INSPECT } from './commands/inspect/declaration.js';
import { INTERACTIVE } from './commands/interactive/declaration.js';
import { INDEX } from './commands/layer-index/declaration.js';
import { LS } from './commands/ls/declaration.js';
import { MOUNT } from './commands/mount/declaration.js';
import { MOUNTS } from './commands/mounts/declaration.js';
import { PEEK } from './commands/peek/declaration.js';
import { SAVE } from './commands/save/declaration.js';
import { SERVE } from './commands/serve/declaration.js';
import { TAGS } from './commands/tags/declaration.js';
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
  TAGS,
  LS,
  CAT,
  FIND,
  DU,
  DIFF,
  CP,
  EXPORT,
  PEEK,
  CARVE,
  SAVE,
  INDEX,
  INTERACTIVE,
  SERVE,
  CACHE,
  COMPLETION,
] as const satisfies readonly CommandDeclaration[];
