import type { CompletedCommand, CompletedOption, Offer } from './completion-model.js';

/** Returns a script for zsh: for a directory of `fpath` as `_layerslayer`, or to be sourced. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const described = commands.flatMap(({ words, summary }) =>
    words.map((word) => quoted(`${word}:${summary}`)),
  );
  return `#compdef layerslayer
# Completion of layerslayer for zsh, made by: layerslayer completion zsh

_layerslayer() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  local -a commands=(
    ${described.join('\n    ')}
  )
  _arguments -C '(- *)'{-h,--help}'[show help]' '(- *)--version[show the version]' \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $words[1] in
${commands.map(caseOf).join('\n')}
      esac
      ;;
  esac
}

_layerslayer_image() {
  if compset -P '*:'; then
    _files
  else
    local -a places=('oci\\:' 'oci-archive\\:' 'docker-archive\\:')
    _describe -t places 'place on this machine' places -S ''
  fi
}

_layerslayer_mounts() {
  local -a mounts=(\${\${(M)\${(f)"$(</proc/mounts)"}:#* * fuse.layerslayer *}})
  mounts=(\${\${mounts#* }%% *})
  mounts=("\${(@g::)mounts}")
  _wanted mounts expl mountpoint compadd -a mounts
}

if [[ $funcstack[1] == _layerslayer ]]; then
  _layerslayer "$@"
else
  compdef _layerslayer layerslayer
fi`;
}

function caseOf({ words, options, positionals }: CompletedCommand): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...positionals.map(({ name, offer, isRepeated }, i) =>
      quoted(`${isRepeated ? '*' : i + 1}:${escaped(name)}:${actionOf(offer)}`),
    ),
  ];
  return [
    `        ${words.join(' | ')})`,
    `          _arguments -s -S ${specs.join(' \\\n            ')}`,
    '          ;;',
  ].join('\n');
}

/** One a name, which excludes the others unless it may be repeated. */
function optionSpecs({ names, summary, values, isRepeatable }: CompletedOption): string[] {
  const excluded = isRepeatable ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  const following = values.map(({ name, offer }) => `:${escaped(name)}:${actionOf(offer)}`).join('');
  return names.map((name) => {
    // `--name=VALUE` and `--name VALUE`, `-nVALUE` and `-n VALUE`.
    const joined = values.length === 1 ? (name.startsWith('--') ? '=' : '+') : '';
    return quoted(`${excluded}${name}${joined}[${escaped(summary)}]${following}`);
  });
}

const ACTIONS: Readonly<Record<string, string>> = {
  nothing: '',
  files: '_files',
  directories: '_directories',
  mounts: '_layerslayer_mounts',
  image: '_layerslayer_image',
};

function actionOf(offer: Offer): string {
  return ACTIONS[offer] ?? offer.replace(/^words:(.*)$/, '($1)');
}

/** What `_arguments` would read as its own. */
function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
