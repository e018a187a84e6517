/**
 * Programs that run another: how their own words are told from its words. Where an option is not listed it takes no
 * word of its own, so that what follows is read as the program, never skipped.
 *
 * @module
 */

import type { Word } from './reading.ts'

export interface Wrapper {
  /** Short options that take a word. */
  readonly takes?: string
  /** Long options that take one, without `--`. */
  readonly long?: readonly string[]
  /** Words of its own before the program's. */
  readonly operands?: number
  /** Takes `NAME=VALUE` before the program. */
  readonly assigns?: true
  /** What follows is joined and given to a shell. */
  readonly joins?: true
  /** The option whose word is given to a shell. */
  readonly string_option?: string
  /** The program runs with rights of another user: of this option, or of the default. */
  readonly user?: { readonly option?: string; readonly long?: string; readonly default: string }
  /** Without a program it is a shell, or these options make it one. */
  readonly is_shell_without?: true
  readonly shell_options?: string
  /** Only what follows this word is the program. */
  readonly after?: readonly string[]
}

const wrappers: Readonly<Record<string, Wrapper>> = {
  sudo: {
    takes: 'CDghpRrtTUu',
    long: [
      'chdir',
      'chroot',
      'close-from',
      'command-timeout',
      'group',
      'host',
      'other-user',
      'prompt',
      'role',
      'type',
      'user',
    ],
    assigns: true,
    user: { option: 'u', long: 'user', default: 'root' },
    shell_options: 'is',
  },
  doas: { takes: 'Cu', user: { option: 'u', default: 'root' }, shell_options: 's' },
  pkexec: { long: ['user'], user: { long: 'user', default: 'root' }, is_shell_without: true },
  runuser: {
    takes: 'cgGlsuw',
    long: ['command', 'group', 'supp-group', 'shell', 'user'],
    user: { option: 'u', long: 'user', default: 'root' },
    string_option: 'c',
    is_shell_without: true,
  },
  env: {
    takes: 'CSu',
    long: ['chdir', 'unset', 'split-string'],
    assigns: true,
    string_option: 'S',
  },
  nice: { takes: 'n', long: ['adjustment'] },
  ionice: { takes: 'cnpPu', long: ['class', 'classdata'] },
  timeout: { takes: 'ks', long: ['kill-after', 'signal'], operands: 1 },
  time: { takes: 'fo', long: ['format', 'output'] },
  stdbuf: { takes: 'eio', long: ['error', 'input', 'output'] },
  nohup: {},
  setsid: {},
  exec: { takes: 'a' },
  command: {},
  builtin: {},
  busybox: {},
  toybox: {},
  coproc: {},
  // Of zsh and fish.
  noglob: {},
  nocorrect: {},
  '-': {},
  // Behind `time`.
  '!': {},
  repeat: { operands: 1 },
  and: {},
  or: {},
  not: {},
  chroot: { long: ['groups', 'userspec'], operands: 1, is_shell_without: true },
  unshare: { takes: 'GRSw', long: ['root', 'wd', 'setuid', 'setgid'], is_shell_without: true },
  nsenter: { takes: 'tGS', long: ['target', 'setuid', 'setgid'], is_shell_without: true },
  setpriv: { long: ['reuid', 'regid', 'groups', 'inh-caps', 'bounding-set'] },
  capsh: { after: ['--'], is_shell_without: true },
  taskset: { operands: 1 },
  chrt: { takes: 'TPD', operands: 1 },
  numactl: { takes: 'NmipC' },
  setarch: { operands: 1 },
  ...Object.fromEntries(
    ['i386', 'i486', 'i586', 'i686', 'linux32', 'linux64', 'x86_64', 'uname26', 'athlon'].map(
      (machine) => [machine, {}],
    ),
  ),
  prlimit: { takes: 'po', long: ['pid', 'output'] },
  choom: { takes: 'np', long: ['adjust', 'pid'] },
  'start-stop-daemon': {
    takes: 'acdegIknNpPrRsuxOT',
    long: [
      'exec',
      'startas',
      'pidfile',
      'name',
      'user',
      'group',
      'chuid',
      'chdir',
      'chroot',
      'signal',
    ],
    string_option: 'x',
  },
  'perf stat': { takes: 'eoxIrCGp' },
  'perf record': { takes: 'eoFcCpm' },
  flock: { takes: 'cEw', long: ['command', 'timeout'], operands: 1, string_option: 'c' },
  strace: { takes: 'aeEIoOpPsSuXb' },
  ltrace: { takes: 'aeFlnopsuxX' },
  gdb: { after: ['--args'] },
  'systemd-run': {
    takes: 'HMpuE',
    long: [
      'unit',
      'property',
      'slice',
      'uid',
      'gid',
      'setenv',
      'working-directory',
      'on-active',
      'on-calendar',
      'machine',
      'host',
      'description',
    ],
  },
  'systemd-inhibit': { long: ['what', 'who', 'why', 'mode'] },
  'dbus-run-session': {},
  cgexec: { takes: 'g' },
  watch: { takes: 'n', long: ['interval'], joins: true },
  parallel: { takes: 'jaSNnLP', long: ['jobs', 'arg-file'], joins: true },
  script: {
    takes: 'cEIOTBmo',
    operands: 1,
    long: ['command'],
    string_option: 'c',
    is_shell_without: true,
  },
  sg: { takes: 'c', operands: 1, string_option: 'c', joins: true, is_shell_without: true },
  xargs: {
    takes: 'aEdILnPs',
    long: ['arg-file', 'delimiter', 'max-args', 'max-procs', 'replace', 'max-lines', 'max-chars'],
  },
  ssh: {
    takes: 'BbcDEeFIiJLlmOopQRSWw',
    operands: 1,
    joins: true,
    is_shell_without: true,
  },
  'ip netns exec': { operands: 1 },
  'docker exec': {
    takes: 'euw',
    long: ['env', 'user', 'workdir', 'env-file', 'detach-keys'],
    operands: 1,
  },
  'docker compose exec': { takes: 'euw', long: ['env', 'user', 'workdir', 'index'], operands: 1 },
  'docker-compose exec': { takes: 'euw', long: ['env', 'user', 'workdir', 'index'], operands: 1 },
  'podman exec': { takes: 'euw', long: ['env', 'user', 'workdir'], operands: 1 },
  'kubectl exec': { after: ['--'] },
  'oc exec': { after: ['--'] },
  'oc rsh': { operands: 1, is_shell_without: true },
  'lxc exec': { after: ['--'] },
  'machinectl shell': { operands: 1, is_shell_without: true, user: { default: 'root' } },
}

/** Whether a program does nothing but run another. */
export const isWrapper = (program: string): boolean =>
  Object.hasOwn(wrappers, program) || shells.has(program) || program === 'su'

/** Shells that read like POSIX's; fish and csh do for what is looked for here. */
export const shells: ReadonlySet<string> = new Set(
  'sh bash dash ash zsh ksh ksh93 mksh rbash fish csh tcsh yash busybox-sh'.split(' '),
)

/** Programs whose language is another: their code is looked at as text. Each with the options that take code. */
export const interpreters: Readonly<Record<string, string>> = {
  python: 'c',
  python2: 'c',
  python3: 'c',
  pypy3: 'c',
  perl: 'eE',
  ruby: 'e',
  node: 'ep',
  nodejs: 'ep',
  bun: 'ep',
  deno: '',
  php: 'rBRE',
  lua: 'e',
  tclsh: '',
  expect: 'c',
  osascript: 'e',
  Rscript: 'e',
}

/** Programs that are told what to do in a language of their own, on their input too. */
export const clients: ReadonlySet<string> = new Set(
  'psql mysql mariadb sqlite3 sqlcmd sqlplus clickhouse-client cqlsh mongosh mongo redis-cli valkey-cli fdisk sfdisk gdisk parted crontab at batch chpasswd'.split(
    ' ',
  ),
)

/** What decodes or decrypts: its output is a text that nobody has read. */
export const decoders: ReadonlySet<string> = new Set(
  'base64 base32 basenc openssl xxd gpg gunzip zcat gzip bzip2 bzcat xz xzcat zstd zstdcat uudecode rev tr printf'.split(
    ' ',
  ),
)
export const fetchers: ReadonlySet<string> = new Set(
  'curl wget fetch aria2c http nc ncat netcat socat lynx ftp tftp'.split(' '),
)

/** The loader of programs runs what it is given: `/lib64/ld-linux-x86-64.so.2 /bin/rm`. */
const loaderOf = (program: string): Wrapper | undefined =>
  /^ld[-.].*\.so(\.\d+)*$|^ld\.so$/.test(program)
    ? { long: ['library-path', 'preload', 'argv0', 'audit', 'inhibit-rpath'] }
    : undefined

/** By the first word: those whose name has several, in the order of the list. */
const verb_wrappers: ReadonlyMap<
  string,
  readonly { readonly verbs: readonly string[]; readonly wrapper: Wrapper }[]
> = Map.groupBy(
  Object.entries(wrappers).flatMap(([name, wrapper]) => {
    const [first = '', ...verbs] = name.split(' ')
    return verbs.length === 0 ? [] : [{ first, verbs, wrapper }]
  }),
  ({ first }) => first,
)

/** `docker exec` before `docker`: the longest name that fits. Options of the first program may stand between. */
export function wrapperOf(
  program: string,
  rest: readonly Word[],
): { wrapper: Wrapper; words: number } | undefined {
  const own = Object.hasOwn(wrappers, program) ? wrappers[program] : loaderOf(program)
  if (own !== undefined) return { wrapper: own, words: 0 }
  for (const { verbs, wrapper } of verb_wrappers.get(program) ?? []) {
    const at = rest.findIndex(({ text }) => text === verbs[0])
    if (at >= 0 && at <= 4 && verbs.every((verb, index) => rest[at + index]?.text === verb))
      return { wrapper, words: at + verbs.length }
  }
  return undefined
}
