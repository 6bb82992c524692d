# SPDX-License-Identifier: GPL-2.0-or-later
# zsh -f complete.zsh DIRECTORY LINE: prints what a zsh with the completions of the directory shows
# when LINE is typed and tab is pressed twice. It runs in a pseudo-terminal.
zmodload zsh/zpty || exit 1

zpty -b inner "COLUMNS=200 LINES=100 TERM=dumb zsh -f -i"
zpty -w inner "PS1=; PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste; stty -echo rows 100 columns 200; LISTMAX=1000
fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -D -u
setopt no_beep auto_list list_packed; bindkey '^I' complete-word
print READY-\$((1 + 1))"
zpty -r inner shown '*READY-2*' || exit 1
zpty -w -n inner "$2"$'\t\t'
# The end is marked by a word that is printed when the line has been thrown away.
zpty -w -n inner $'\C-u'"print DONE-\$((1 + 1))"$'\n'
zpty -r inner shown '*DONE-2*' || exit 1
print -r -- "$shown"
zpty -d inner
