import type { CompletedCommand } from './completion-model.js';

/** Returns a script for bash 4.4 and later. Bash makes text after `:` or `=` a word of its own. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const words = commands.flatMap((command) => command.words);
  return `# Completion of layerslayer for bash, made by: layerslayer completion bash

_layerslayer() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command='' offer='' i
  local -A takes=()
  local -a options=() positionals=() values=()
  COMPREPLY=()
  [[ $cur == [:=] ]] && cur=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${words.join(' | ')}) command=\${COMP_WORDS[i]} && break ;;
    esac
  done
  case $command in
${commands.map(caseOf).join('\n')}
    *)
      _layerslayer_offer 'words:${words.join(' ')} --help --version'
      return
      ;;
  esac
  # Which positional this is, and of which option the value.
  local number=0 word
  for ((i = i + 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == [:=] ]]; then
      # The typed text continues the word before.
      ((i + 1 == COMP_CWORD)) && number=$((number - 1))
      i=$((i + 1))
    elif [[ -n \${takes[$word]:-} ]]; then
      IFS=';' read -ra values <<<"\${takes[$word]}"
      [[ \${COMP_WORDS[i + 1]:-} == '=' ]] && i=$((i + 1))
      if ((i + \${#values[@]} >= COMP_CWORD)); then
        offer=\${values[COMP_CWORD - i - 1]}
        break
      fi
      i=$((i + \${#values[@]}))
    elif [[ $word != -?* ]]; then
      number=$((number + 1))
    fi
  done
  [[ \${COMP_WORDS[COMP_CWORD]} == : ]] && number=$((number - 1))
  if [[ -z $offer && $cur == -* ]]; then
    offer="words:\${options[*]}"
  elif [[ -z $offer && \${#positionals[@]} -gt 0 ]]; then
    ((number >= 0)) && offer=\${positionals[number]:-}
    [[ -z $offer && \${positionals[-1]} == *... ]] && offer=\${positionals[-1]}
  fi
  _layerslayer_offer "\${offer%...}"
}

_layerslayer_offer() {
  case $1 in
    words:*) mapfile -t COMPREPLY < <(compgen -W "\${1#words:}" -- "$cur") ;;
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      ;;
    directories)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
    mounts)
      compopt -o filenames 2>/dev/null
      local path type
      while read -r _ path type _; do
        [[ $type == fuse.layerslayer ]] || continue
        printf -v path %b "$path"
        [[ $path == "$cur"* ]] && COMPREPLY+=("$path")
      done </proc/mounts
      ;;
    image)
      if [[ \${COMP_WORDS[COMP_CWORD - 1]} == : || \${COMP_WORDS[COMP_CWORD]} == : ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      else
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W 'oci: oci-archive: docker-archive:' -- "$cur")
      fi
      ;;
  esac
}

complete -F _layerslayer layerslayer`;
}

function caseOf({ words, options, positionals }: CompletedCommand): string {
  const names = options.flatMap((option) => option.names);
  const takes = options
    .filter(({ values }) => values.length > 0)
    .flatMap(({ names, values }) => {
      const offers = values.map(({ offer }) => offer).join(';');
      return names.map((name) => `[${name}]='${offers}'`);
    });
  const offers = positionals.map(({ offer, isRepeated }) => `'${offer}${isRepeated ? '...' : ''}'`);
  return [
    `    ${words.join(' | ')})`,
    `      options=(${names.join(' ')})`,
    `      takes=(${takes.join(' ')})`,
    `      positionals=(${offers.join(' ')})`,
    '      ;;',
  ].join('\n');
}
