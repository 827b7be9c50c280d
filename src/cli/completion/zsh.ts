import type { Candidate, Offers } from './offers.js';

/**
 * The script for zsh, for a directory of `fpath` as `_layerslayer`, or to be sourced. It asks the
 * program at each Tab. Nothing of the line or of the answer is evaluated. The answer's first line
 * is what `compset` strips, which files are offered, and `list` for a list with summaries. A line
 * for each candidate follows: `+` if no space follows it, the word, and after a tab what the list
 * shows.
 */
export const ZSH_SCRIPT = `#compdef layerslayer
# Completion of layerslayer for zsh, made by: layerslayer completion zsh

_layerslayer() {
  local line word
  local -a answer words_before head list
  local -a closed closed_shown open open_shown
  words_before=("\${(@Q)words[2,CURRENT-1]}")
  (( CURRENT > 2 )) || words_before=()
  answer=("\${(@f)$(command layerslayer --get-completions zsh "$words_before[@]" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  head=("\${(@s: :)answer[1]}")
  [[ $head[1] == - ]] || compset -P "$head[1]"
  for line in "\${(@)answer[2,-1]}"; do
    word=\${line#?} && word=\${word%%$'\\t'*}
    case $line in
      +*) open+=("$word") open_shown+=("\${line#*$'\\t'}") ;;
      *) closed+=("$word") closed_shown+=("\${line#*$'\\t'}") ;;
    esac
  done
  [[ $head[3] == list ]] && list=(-l)
  (( $#closed )) && compadd $list -d closed_shown -a -- closed
  (( $#open )) && compadd $list -S '' -d open_shown -a -- open
  case $head[2] in
    file) _files ;;
    directory) _files -/ ;;
  esac
  (( compstate[nmatches] ))
}

if [[ $funcstack[1] == _layerslayer ]]; then
  _layerslayer "$@"
elif (( $+functions[compdef] )); then
  compdef _layerslayer layerslayer
else
  # Sourced before compinit, which would forget it: registered before the first prompt.
  _layerslayer_register() {
    add-zsh-hook -d precmd _layerslayer_register
    if ! (( $+functions[compdef] )); then
      autoload -Uz compinit
      compinit -i
    fi
    compdef _layerslayer layerslayer
  }
  autoload -Uz add-zsh-hook
  add-zsh-hook precmd _layerslayer_register
fi`;

/** Columns of the longest word that others are padded to. */
const PADDED_MAX = 30;

/** @param word under the cursor */
export function zshAnswer(offers: Offers, word: string): string[] {
  const { prefix, candidates, files, arePaths = false } = offers;
  const typed = word.slice(prefix.length);
  const slash = arePaths ? typed.lastIndexOf('/') + 1 : 0;
  const shown = candidates.map((one) => ({ ...one, text: one.text.slice(slash) }));
  const width = Math.min(PADDED_MAX, Math.max(0, ...shown.map(({ text }) => text.length)));
  const lines = shown.map(({ text, isOpen, summary }: Candidate) => {
    const display = summary === undefined ? text : `${text.padEnd(width)}  -- ${summary}`;
    return `${isOpen ? '+' : ' '}${text}\t${display}`;
  });
  const hasSummaries = candidates.some(({ summary }) => summary !== undefined);
  const head = [slash > 0 ? '*/' : stripped(prefix), files ?? '-', hasSummaries ? 'list' : '-'];
  return [head.join(' '), ...lines];
}

/** Returns the pattern of a prefix for `compset -P`. Quotes may stand in the typed text. */
function stripped(prefix: string): string {
  const last = prefix.at(-1);
  if (last === undefined) return '-';
  if (last === ':' || last === '=') return `*${last}`;
  return prefix.startsWith('-') ? '?'.repeat(prefix.length) : `*${last}`;
}
