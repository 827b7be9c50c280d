import { quotedApart } from './bash-quoting.js';
import type { Offers } from './offers.js';
import type { Dialect, ShellLine } from './shell-line.js';

/**
 * The script for bash 4.4 and later. It asks the program at each Tab. Nothing of the line or of the
 * answer is evaluated. The answer is a line of options for `compopt`, then a candidate a line.
 */
export const BASH_SCRIPT = `# Completion of layerslayer for bash, made by: layerslayer completion bash

_layerslayer() {
  local option
  local -a answer=()
  COMPREPLY=()
  mapfile -t answer < <(
    command layerslayer --get-completions bash "$COMP_WORDBREAKS" "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null
  )
  for option in nospace filenames noquote default dirnames; do
    [[ " \${answer[0]-} " == *" $option "* ]] && compopt -o "$option" 2>/dev/null
  done
  COMPREPLY=("\${answer[@]:1}")
}

complete -F _layerslayer layerslayer`;

/** @param breaks COMP_WORDBREAKS */
export function bashDialect(breaks: string): Dialect {
  return {
    escapedInDouble: '$`"\\\n',
    escapedInSingle: '',
    breaksAfter: breaks.replace(/[\s"'<>|&;()@]/g, ''),
    // Readline hands `@` to completions of host names.
    breaksBefore: breaks.includes('@') ? '@' : '',
  };
}

/**
 * Readline replaces only what follows the last character of COMP_WORDBREAKS, so candidates begin
 * there. They are quoted here: bash 5.2 leaves `$` and backquotes of file names as they are.
 */
export function bashAnswer(
  { prefix, candidates, files, arePaths }: Offers,
  { keptLength, quote }: Pick<ShellLine, 'keptLength' | 'quote'>,
): string[] {
  const home = prefix === '~/' && quote === undefined ? prefix : ''; // a quoted one is no home
  const words = candidates.map(({ text }) => (prefix + text).slice(home.length || keptLength));
  const options = [
    ...(candidates.length === 1 && candidates[0]!.isOpen ? ['nospace'] : []),
    // So that lists have the last components only.
    ...(arePaths ? ['filenames', 'noquote'] : []),
    // Readline offers files itself if there is no candidate, for the text that it replaces.
    ...(files && prefix.length <= keptLength ? [files === 'file' ? 'default' : 'dirnames'] : []),
  ];
  return [options.join(' '), ...quotedApart(words, quote).map((word) => home + word)];
}
