# Start file of a bash (5.1 or later) that asks before it runs a command. Requests and answers go over two FIFOs to the
# other end of the connection; each request has a token, without which an answer is none. __gm: 0 a command runs,
# 1 a prompt, 2 a prompt for more of the same command.
[ -r /etc/profile ] && . /etc/profile
for __g in ~/.bash_profile ~/.bash_login ~/.profile; do [ -r "$__g" ] && { . "$__g"; break; }; done
__gd=${BASH_SOURCE[0]%/*}
exec {__gq}>"$__gd/q" {__ga}<"$__gd/a"; rm -rf -- "$__gd"; unset __gd __g
IFS= read -r -u "$__ga" __gn
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 501)) || [[ $(type -t history)$(type -t bind) != builtinbuiltin ]]; then
  printf '%s\0' U "$__gn" '' '' '' '' >&"$__gq"
  exec {__gq}>&- {__ga}<&-
else
__gi=0 __gm=1 __gl= __gz= __gk='\e['"$__gn"'~'
__g_ask() {
  local l=$READLINE_LINE i v m t=$SRANDOM$SRANDOM$SRANDOM
  bind "\"$__gk\": redraw-current-line"
  # `read -e` of a program that runs.
  if ((__gm == 0)); then bind "\"$__gk\": accept-line"; return; fi
  ((__gm == 2)) && l=$__gl$'\n'$l
  if [[ $l =~ ^[[:space:]]*$ ]]; then bind "\"$__gk\": accept-line"; return; fi
  printf '%s\0' R "$__gn" "$((++__gi))" "$PWD" "$l" "$t" >&"$__gq" || return
  m='nobody answers'
  while IFS=' ' read -r -u "$__ga" i v m; do
    [[ $i == "$t.$__gi" ]] || continue
    if [[ $v == allow ]]; then __gl=$l; bind "\"$__gk\": accept-line"; return; fi
    break
  done
  history -s -- "$READLINE_LINE"
  READLINE_LINE= READLINE_POINT=0
  # What was typed behind it must not run.
  while IFS= read -rs -t 0.05 -n 4096 -d '' v; do :; done
  printf '\nsluice: %s\n' "${m:-not run}"
  ((__gm == 2)) && kill -INT $$
}
__g_told() { printf '%s\0' D "$__gn" "$?" '' '' '' >&"$__gq"; }
__g_began() { printf '%s\0' X "$__gn" '' '' '' '' >&"$__gq"; }
__g_marks() {
  [[ $PS1 == *__gm=1* ]] || PS1='\[${__gz:$((__gm=1)):0}\]'"$PS1"
  [[ $PS2 == *__gm=2* ]] || PS2="$PS2"'\[${__gz:$((__gm=2)):0}\]'
}
PROMPT_COMMAND=(__g_told "${PROMPT_COMMAND[@]}" __g_marks)
PS0='${__gz:$((__gm=0)):0}$(__g_began)'"$PS0"
# They enter a line, or change it behind what was asked.
for __g in emacs-standard emacs-meta emacs-ctlx vi-insert vi-command; do
  for __gf in operate-and-get-next edit-and-execute-command vi-edit-and-execute-command insert-comment shell-expand-line accept-line; do
    bind -m "$__g" -u "$__gf" 2>/dev/null
  done
done
for __g in emacs-standard vi-insert vi-command; do
  bind -m "$__g" '"\C-x\C-_h": history-expand-line'
  bind -m "$__g" -x '"\C-x\C-_g": __g_ask'
  for __gf in m j; do bind -m "$__g" "\"\\C-$__gf\": \"\\C-x\\C-_h\\C-x\\C-_g$__gk\""; done
  bind -m "$__g" "\"$__gk\": redraw-current-line"
done
unset __g __gf
fi
