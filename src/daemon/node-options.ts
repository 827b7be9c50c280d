/** Options with a value, which may follow after `=` or a space. */
const WITH_VALUE = /^(--require|-r|--import|--loader|--experimental-loader)$/;

/** Options that load code of the caller, or have a debugger attached. */
const DROPPED = /^(--require|--import|--loader|--experimental-loader|--inspect[\w-]*)(=|$)|^-r/;

/**
 * Returns $NODE_OPTIONS for a program of ours. What a caller preloads is not for us: with another
 * working directory it is not even found. `--inspect-brk` would wait for a debugger.
 */
export function ownNodeOptions(text: string): string {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|[^ "])+/g) ?? [];
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const plain = word.replaceAll('"', '');
    if (!DROPPED.test(plain)) kept.push(word);
    else if (WITH_VALUE.test(plain)) i++;
  }
  return kept.join(' ');
}
