/**
 * Recognises the far side of a file copy in a command line: `scp -t`, `scp -f`, `rsync --server` and the
 * sftp server, also behind `sudo` and its like. It stops the ordinary use of these tools; whoever may run
 * a command can always copy by `cat`, and what that prints is masked and recorded like any output.
 *
 * @module
 */
import type { TransferDirection, TransferTool } from '../core/transfer.ts'
import { exactWords } from './exact-words.ts'
import { baseName, unwrap } from './program.ts'
import { rsyncDirection } from './rsync.ts'
import { simpleCommands } from './shell-words.ts'

export interface Transfer {
  readonly tool: TransferTool
  /** Seen from the client. Both, where one cannot be had without the other. */
  readonly directions: readonly TransferDirection[]
  /** The words, when the command is exactly this and nothing else: then its wire is known. */
  readonly argv?: readonly string[]
}

const both: readonly TransferDirection[] = ['upload', 'download']

/** `command` as it came over the wire. Undefined when nothing of it is a transfer. */
export function recogniseTransfer(command: Uint8Array): Transfer | undefined {
  const line = new TextDecoder().decode(command)
  const found = simpleCommands(line).flatMap((words) => transferOf(words) ?? [])
  const first = found[0]
  if (first === undefined) return undefined
  const directions = both.filter((each) => found.some((one) => one.directions.includes(each)))
  const argv = exactArgv(command)
  return { tool: first.tool, directions, ...(argv === undefined ? {} : { argv }) }
}

/**
 * `scp -t`/`-f` and `rsync --server` as their clients say it, without a path to the program: another program by
 * that name is not found by accident.
 */
function exactArgv(command: Uint8Array): readonly string[] | undefined {
  const words = exactWords(command)
  if (words === undefined) return undefined
  const [program, ...given] = words
  if (program === 'rsync' && given[0] === '--server' && rsync(given)?.directions.length === 1)
    return words
  if (program !== 'scp') return undefined
  const end = given.indexOf('--')
  const flags = end < 0 ? given.slice(0, -1) : given.slice(0, end)
  // openssh/scp.c: beside -t or -f its client says -v, -r, -p and -d, one word each.
  const is_known = flags.every((flag) => /^-[tfvrpd]$/.test(flag))
  const roles = flags.filter((flag) => flag === '-t' || flag === '-f')
  const operands = end < 0 ? given.slice(-1) : given.slice(end + 1)
  return is_known && roles.length === 1 && operands.length === 1 && operands[0] !== ''
    ? words
    : undefined
}

/** What the subsystem `sftp` is (draft-ietf-secsh-filexfer): one server that reads and writes. */
export const sftp_subsystem: Transfer = { tool: 'sftp', directions: both, argv: [] }

function transferOf(words: readonly string[]): Transfer | undefined {
  const [program, ...given] = unwrap(words)
  switch (baseName(program ?? '')) {
    case 'scp':
      return scp(given)
    case 'rsync':
      return rsync(given)
    case 'sftp-server':
    case 'internal-sftp':
      return { tool: 'sftp', directions: both }
    default:
      return undefined
  }
}

/** openssh/scp.c: `-t` receives (to), `-f` sends (from); neither is in its manual. */
function scp(given: readonly string[]): Transfer | undefined {
  const letters = options(given).join('')
  const directions = both.filter((each) => letters.includes(each === 'upload' ? 't' : 'f'))
  return directions.length === 0 ? undefined : { tool: 'scp', directions }
}

/** rsync/options.c: `--server` is the far side. */
function rsync(given: readonly string[]): Transfer | undefined {
  if (given.includes('--daemon')) return { tool: 'rsync', directions: both }
  if (!given.includes('--server')) return undefined
  // --remove-source-files and its like change the target, but bring nothing to it.
  const direction = rsyncDirection(given)
  return { tool: 'rsync', directions: direction === undefined ? both : [direction] }
}

/** The short options before the first operand or `--`, without their dashes. */
function options(given: readonly string[]): readonly string[] {
  const end = given.findIndex((word) => word === '--' || !word.startsWith('-'))
  return given
    .slice(0, end < 0 ? undefined : end)
    .filter((word) => !word.startsWith('--'))
    .map((word) => word.slice(1))
}
