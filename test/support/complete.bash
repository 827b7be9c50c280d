# complete.bash SCRIPT WORD...: what bash offers for the last word, one a line. The words are as bash breaks them: at `:` and `=`.
source "$1"
shift
compopt() { :; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_layerslayer
[[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\n' "${COMPREPLY[@]}"
