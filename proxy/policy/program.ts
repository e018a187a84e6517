/**
 * Which program a simple command runs, behind `sudo`, `env` and their like.
 *
 * @module
 */

/** Programs that run the program after their own options, with those that take a word of their own. */
const wrappers: Readonly<Record<string, string>> = {
  sudo: 'CDghpRrtTUu',
  doas: 'Cu',
  env: 'CSu',
  nice: 'n',
  ionice: 'cnp',
  timeout: 'ks',
  time: 'fo',
  stdbuf: 'eio',
  nohup: '',
  setsid: '',
  exec: 'a',
  command: '',
  busybox: '',
}

/** The words from the program on that is really run. */
export function unwrap(words: readonly string[]): readonly string[] {
  let at = 0
  let wrapper: string | undefined
  // Each turn takes at least one word.
  while (at < words.length) {
    const word = words[at] ?? ''
    const is_assignment = /^[A-Za-z_][A-Za-z0-9_]*=/.test(word)
    const is_redirection = /^[0-9]*[<>]/.test(word)
    if (wrapper !== undefined && word.startsWith('-')) {
      const takes_next = word.length === 2 && (wrappers[wrapper] ?? '').includes(word.charAt(1))
      at += takes_next ? 2 : 1
    } else if (is_assignment) {
      at += 1
    } else if (is_redirection) {
      // Its file may be the next word.
      at += /[<>]$/.test(word) ? 2 : 1
    } else if (Object.hasOwn(wrappers, baseName(word))) {
      wrapper = baseName(word)
      at += 1
    } else if (wrapper === 'timeout' && /^[0-9.]+[smhd]?$/.test(word)) {
      at += 1
    } else {
      return words.slice(at)
    }
  }
  return []
}

/** A program by whatever path it is called. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
