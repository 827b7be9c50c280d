# complete.zsh SCRIPT LINE: what zsh offers at the end of the line, one a line. A terminal of its own (zpty) is asked, since the
# completion system works in the line editor only.
zmodload zsh/zpty
setup=$(mktemp)
cat >$setup <<'SETUP'
PROMPT=
setopt no_beep
autoload -Uz compinit
compinit -u -D
source $COMPLETION_SCRIPT
zstyle ':completion:*' verbose no
zstyle ':completion:*' insert-tab no
# Tells what would be offered instead of offering it.
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a offered
  builtin compadd -A offered "$@"
  for one in $offered; do print -r -- "offer<$one>"; done
  builtin compadd "$@"
}
done-line() { print -r -- '<end of offers>' }
comppostfuncs=(done-line)
bindkey '^I' complete-word
print -r -- '<ready>'
SETUP
export COMPLETION_SCRIPT=$1
zpty shell zsh -f -i
zpty -w shell "source $setup"
await() {
  local piece
  while zpty -r shell piece "*$1*"; do
    [[ $piece == *$1* ]] && break
  done
  REPLY=$piece
}
await '<ready>'
zpty -n -w shell "$2"$'\t'
await '<end of offers>'
zpty -d shell
rm $setup
print -r -- $REPLY | tr -d '\r' | grep -o 'offer<[^>]*>' | sed 's/^offer<//; s/>$//; s/\\\(.\)/\1/g' | sort -u
