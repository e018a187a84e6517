/**
 * `sluice completion bash|zsh`: a script for the shell's own completion, made of the verbs' own tables.
 *
 * @module
 */
import { allOptions, UsageError, type Verb } from './verb.ts'

export function createCompletion(loadAll: () => Promise<readonly Verb[]>): Verb {
  return {
    name: 'completion',
    summary: 'Print a completion script: eval "$(sluice completion bash)"',
    operands: 'bash|zsh',
    operands_min: 1,
    operands_max: 1,
    options: {},
    completions: ['bash', 'zsh'],
    async run({ console, operands }) {
      const [shell] = operands
      if (shell !== 'bash' && shell !== 'zsh') throw new UsageError('expected bash or zsh')
      // zsh runs bash's script by its own emulation of complete and compgen.
      if (shell === 'zsh') await console.out(zsh_prelude)
      await console.out(bashScript(await loadAll()))
      return 0
    },
  }
}

const zsh_prelude =
  'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n'

function bashScript(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => {
    const options = Object.keys(allOptions(verb)).map((name) => `--${name}`)
    const words = [...(verb.completions ?? []), ...options].join(' ')
    return `    ${verb.name}) words="${words}" ;;`
  })
  return `_sluice() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.map(({ name }) => name).join(' ')}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sluice sluice
`
}
