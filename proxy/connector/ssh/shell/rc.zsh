# Start file (.zshenv) of a zsh that asks before it runs a command, as rc.bash does.
if [[ -n $__gz ]]; then ZDOTDIR=$__gz; else unset ZDOTDIR; fi
typeset -g __gd=$__gdir
unset __gz __gdir
[[ -r ${ZDOTDIR:-$HOME}/.zshenv ]] && . ${ZDOTDIR:-$HOME}/.zshenv
# After all other start files, at the first prompt.
__g_init() {
  add-zsh-hook -d precmd __g_init
  exec {__gq}>$__gd/q {__ga}<$__gd/a; rm -rf -- $__gd; unset __gd
  IFS= read -r -u $__ga __gn
  typeset -gi __gi=0
  typeset -g __gok= __gmsg=
  # 0: it may run. Otherwise __gmsg says why not.
  __g_verdict() {
    emulate -L zsh
    local i v t=${$(</proc/sys/kernel/random/uuid)}
    print -rnu $__gq -- R$'\0'$__gn$'\0'$((++__gi))$'\0'$PWD$'\0'$1$'\0'$t$'\0'
    while IFS=' ' read -r -u $__ga i v __gmsg; do
      [[ $i == $t.$__gi ]] || continue
      [[ $v == allow ]]
      return
    done
    __gmsg='nobody answers'
    return 1
  }
  __g_ask() {
    [[ $CONTEXT == (vared|select) ]] && { zle .accept-line; return }
    zle .expand-history
    local l=$PREBUFFER$BUFFER c
    if [[ $l != *[^[:space:]]* ]] || __g_verdict $l; then __gok=$l; zle .accept-line; return; fi
    print -rs -- $BUFFER
    BUFFER=
    # What was typed behind it must not run.
    while read -t 0.05 -k 1 c; do :; done
    zle -M "sluice: $__gmsg"
    [[ -n $PREBUFFER ]] && zle .send-break
  }
  for w in accept-line accept-and-hold accept-line-and-down-history accept-and-infer-next-history; do zle -N $w __g_ask; done
  # Every other way out of the editor: what was not asked yet is asked here, and a refusal empties the line.
  __g_finish() {
    [[ $CONTEXT == (vared|select) ]] && return
    local l=$PREBUFFER$BUFFER
    [[ $l == $__gok || $l != *[^[:space:]]* ]] && { __gok=; return }
    __gok=
    __g_verdict $l || { BUFFER=; zle -M "sluice: $__gmsg" }
  }
  zle -N zle-line-finish __g_finish
  bindkey -M isearch '^M' accept-search
  bindkey -M isearch '^J' accept-search
  # Completion may run what stands in the line.
  __g_complete() {
    if [[ $BUFFER == *('$('|'`'|'<('|'>('|'=('|'${'|'$['|'(e')* ]]; then
      zle -M 'sluice: no completion while the line has a substitution'
    else
      zle __g_old_$WIDGET
    fi
  }
  for w in expand-or-complete expand-or-complete-prefix complete-word menu-complete menu-expand-or-complete reverse-menu-complete list-choices list-expand expand-word delete-char-or-list; do
    (( $+widgets[$w] )) && { zle -A $w __g_old_$w; zle -N $w __g_complete }
  done
  unset w
  __g_began() { print -rnu $__gq -- X$'\0'$__gn$'\0\0\0\0\0' }
  __g_told() {
    local r=$?
    print -rnu $__gq -- D$'\0'$__gn$'\0'$r$'\0\0\0\0'
    return r
  }
  preexec_functions=(__g_began $preexec_functions)
  precmd_functions=(__g_told $precmd_functions)
  # The prompt that comes now.
  print -rnu $__gq -- D$'\0'$__gn$'\0\0\0\0\0'
}
autoload -Uz add-zsh-hook
add-zsh-hook precmd __g_init
