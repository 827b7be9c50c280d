import type { WorkerOptions } from 'node:worker_threads';

/** Options of Node with a value, which may follow after `=` or a space. */
const WITH_VALUE = /^(--require|-r|--import|--loader|--experimental-loader)$/;

/** Options that load code of the caller, have a debugger attached, or are for `node -e` only. */
const FOREIGN = /^(--(require|import|loader|experimental-loader|input-type)|--inspect[\w-]*)(=|$)|^-r/;

/** Options of the network. Node starts no thread with options of the whole process. */
const OF_THREADS = /^--(dns-result-order=|(no-)?network-family-autoselection)/;

/**
 * Returns $NODE_OPTIONS for a program of ours. What a caller preloads is not for us: with another
 * working directory it is not even found. `--inspect-brk` would wait for a debugger.
 */
export function ownNodeOptions(text: string): string {
  const words = wordsOf(text);
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!isForeign(word)) kept.push(word);
    else if (WITH_VALUE.test(plain(word))) i++;
  }
  return kept.join(' ');
}

/**
 * Returns the options for a thread of ours. A thread has the options of its process, and cannot
 * start with some of them: `node --input-type=module -e …`.
 * @param execArgv of the process
 */
export function threadOptions(execArgv = process.execArgv, env = process.env): WorkerOptions {
  const words = wordsOf(env.NODE_OPTIONS ?? '');
  const own = (options: readonly string[]) => options.filter((option) => OF_THREADS.test(option));
  return {
    ...(execArgv.some(isForeign) && { execArgv: own(execArgv) }),
    ...(words.some(isForeign) && { env: { ...env, NODE_OPTIONS: own(words).join(' ') } }),
  };
}

/** Splits as Node does: at spaces outside of double quotes. */
function wordsOf(text: string): string[] {
  return text.match(/(?:"(?:\\.|[^"\\])*"|[^ "])+/g) ?? [];
}

function isForeign(word: string): boolean {
  return FOREIGN.test(plain(word));
}

function plain(word: string): string {
  return word.replaceAll('"', '');
}
