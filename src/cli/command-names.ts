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
  index: 'index',
  interactive: 'interactive',
  cache: 'cache',
  completion: 'completion',
} as const;

export type CommandName = (typeof COMMAND_NAMES)[keyof typeof COMMAND_NAMES];

export function commandNamed(word: string): CommandName | undefined {
  return Object.hasOwn(COMMAND_NAMES, word) ? COMMAND_NAMES[word as keyof typeof COMMAND_NAMES] : undefined;
}

/** Returns the command that differs by one letter, or by two swapped ones. */
export function nearMiss(word: string): string | undefined {
  if (commandNamed(word) !== undefined) return undefined;
  return Object.keys(COMMAND_NAMES).find((name) => isOneSlipAway(word, name));
}

function isOneSlipAway(word: string, name: string): boolean {
  let same = 0;
  while (same < word.length && word[same] === name[same]) same++;
  const [rest, wanted] = [word.slice(same), name.slice(same)];
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    rest.slice(1) === wanted.slice(1) ||
    (rest[0] === wanted[1] && rest[1] === wanted[0] && rest.slice(2) === wanted.slice(2))
  );
}
