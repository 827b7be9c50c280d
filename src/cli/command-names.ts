/** Every command word, and the word it stands for. */
export const COMMAND_NAMES = {
  mount: 'mount',
  unmount: 'unmount',
  umount: 'unmount',
  mounts: 'mounts',
  inspect: 'inspect',
  peek: 'peek',
  carve: 'carve',
  save: 'save',
  interactive: 'interactive',
  cache: 'cache',
  completion: 'completion',
} as const;

export type CommandName = (typeof COMMAND_NAMES)[keyof typeof COMMAND_NAMES];

export function commandNamed(word: string): CommandName | undefined {
  return Object.hasOwn(COMMAND_NAMES, word) ? COMMAND_NAMES[word as keyof typeof COMMAND_NAMES] : undefined;
}
