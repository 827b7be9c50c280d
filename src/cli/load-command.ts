import type { Command } from './command.js';
import type { CommandName } from './command-names.js';

/** Loads each command's module on demand, so that `mount` does not wait for others. */
const LOADERS: Readonly<Record<CommandName, () => Promise<unknown>>> = {
  mount: async () => (await import('./commands/mount/mount.js')).mount,
  unmount: async () => (await import('./commands/unmount/unmount.js')).unmount,
  mounts: async () => (await import('./commands/mounts/mounts.js')).mounts,
  inspect: async () => (await import('./commands/inspect/inspect.js')).inspect,
  tags: async () => (await import('./commands/tags/tags.js')).tags,
  ls: async () => (await import('./commands/ls/ls.js')).ls,
  cat: async () => (await import('./commands/cat/cat.js')).cat,
  find: async () => (await import('./commands/find/find.js')).find,
  du: async () => (await import('./commands/du/du.js')).du,
  diff: async () => (await import('./commands/diff/diff.js')).diff,
  cp: async () => (await import('./commands/cp/cp.js')).cp,
  export: async () => (await import('./commands/export/export.js')).exportTree,
  peek: async () => (await import('./commands/peek/peek.js')).peek,
  carve: async () => (await import('./commands/carve/carve.js')).carve,
  save: async () => (await import('./commands/save/save.js')).save,
  index: async () => (await import('./commands/layer-index/layer-index.js')).index,
  interactive: async () => (await import('./commands/interactive/interactive.js')).interactive,
  serve: async () => (await import('./commands/serve/serve.js')).serve,
  cache: async () => (await import('./commands/cache/cache.js')).cache,
  completion: async () => (await import('./commands/completion/completion.js')).completion,
};

export async function loadCommand(name: CommandName): Promise<Command> {
  // Tables of options differ in type. Callers pass a command only what its own table parsed.
  return (await LOADERS[name]()) as Command;
}
