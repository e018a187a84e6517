/** SFTP from a client and a target that mean harm: nothing changes that policy denies, nothing goes unrecorded, nothing grows. */
import { describe, expect, test } from 'bun:test'
import { message, text, u32, u64 } from '../../../../test/fixture/sftp-wire.ts'
import type { Direction, Frame } from '../../../core/connector.ts'
import type { TransferChoice } from '../../../core/transfer.ts'
import { sftp_handles_max, sftp_pending_max } from './limits.ts'
import { sftpCodecs } from './sftp.ts'

const no_attrs = u32(0)
const handle = (id: number, name: string): Buffer => message(102, u32(id), text(name))
const open = (id: number, path: string, flags: number): Buffer =>
  message(3, u32(id), text(path), u32(flags), no_attrs)
const opendir = (id: number, path: string): Buffer => message(11, u32(id), text(path))
const extended = (id: number, name: string, ...parts: readonly Uint8Array[]): Buffer =>
  message(200, u32(id), text(name), ...parts)

interface Channel {
  readonly client: (...said: readonly Uint8Array[]) => readonly Frame[] | string
  readonly target: (...said: readonly Uint8Array[]) => readonly Frame[] | string
}

/** Behind its greeting, unless it is new. */
function channel(upload: TransferChoice, download: TransferChoice, is_new = false): Channel {
  const codecs = sftpCodecs({ tool: 'sftp', argv: [], choices: { upload, download } })
  const say =
    (direction: Direction) =>
    (...said: readonly Uint8Array[]): readonly Frame[] | string => {
      const stream = direction === 'to_target' ? 0 : 1
      const bytes = new Uint8Array(Buffer.concat(said))
      const decoded = codecs[direction].decode({ kind: 'data', stream, bytes })
      return decoded.ok ? decoded.frames : decoded.violation
    }
  const made = { client: say('to_target'), target: say('to_client') }
  if (!is_new) {
    made.client(message(1, u32(3)))
    made.target(message(2, u32(3)))
  }
  return made
}

const kinds = (frames: readonly Frame[] | string): string =>
  typeof frames === 'string' ? 'violation' : frames.map(({ kind }) => kind).join(' ')
const isForwarded = (frames: readonly Frame[] | string): boolean =>
  typeof frames !== 'string' && frames.some(({ kind }) => kind === 'data')
/** The texts that are masked before they go on record. */
const looked = (frames: readonly Frame[] | string): readonly string[] =>
  typeof frames === 'string'
    ? []
    : frames.flatMap((frame) =>
        frame.kind === 'data'
          ? (frame.fields ?? []).map(({ start, end }) =>
              Buffer.from(frame.bytes).toString('latin1', start, end),
            )
          : [],
      )

describe('where only downloads are allowed', () => {
  test('no flag opens a file for writing', () => {
    for (let flags = 0; flags < 0x40; flags++) {
      const is_reading = (flags & 0x1e) === 0
      const frames = channel('deny', 'allow').client(open(1, '/f', flags))
      expect(isForwarded(frames), `flags ${flags}`).toBe(is_reading)
    }
  })
  test('no request and no extension changes anything', () => {
    const both = [text('/a'), text('/b')]
    const range = [text('h'), u64(0), u64(9), text('h'), u64(0)]
    for (const asked of [
      message(9, u32(2), text('/a'), no_attrs),
      message(10, u32(2), text('h'), no_attrs),
      message(13, u32(2), text('/a')),
      message(14, u32(2), text('/a'), no_attrs),
      message(15, u32(2), text('/a')),
      message(18, u32(2), ...both),
      message(20, u32(2), ...both),
      extended(2, 'posix-rename@openssh.com', ...both),
      extended(2, 'hardlink@openssh.com', ...both),
      extended(2, 'lsetstat@openssh.com', text('/a'), no_attrs),
      extended(2, 'copy-data', ...range),
      extended(2, 'copy-file@example.com', ...both),
      message(6, u32(2), text('h'), u64(0), text('written')),
    ]) {
      const sftp = channel('deny', 'allow')
      sftp.client(open(1, '/f', 1))
      sftp.target(handle(1, 'h'))
      const frames = sftp.client(asked)
      expect(isForwarded(frames), asked.toString('latin1')).toBe(false)
      expect(kinds(frames)).toEndWith('answer')
    }
  })
})

test('where only uploads are allowed nothing is read, by whatever handle', () => {
  const sftp = channel('allow', 'deny')
  expect(isForwarded(sftp.client(open(1, '/f', 3)))).toBe(false)
  sftp.client(open(2, '/f', 2), opendir(3, '/'))
  sftp.target(handle(2, 'written'), handle(3, 'listed'))
  for (const name of ['written', 'listed', 'nobody'])
    expect(isForwarded(sftp.client(message(5, u32(4), text(name), u64(0), u32(9))))).toBe(false)
})

describe('on record', () => {
  test('is what is changed by the handle of a folder, by its path', () => {
    const sftp = channel('allow', 'allow')
    sftp.client(opendir(1, '/etc'))
    sftp.target(handle(1, 'h'))
    const frames = sftp.client(message(10, u32(2), text('h'), u32(4), u32(0o777)))
    const facts = typeof frames === 'string' ? [] : frames.filter(({ kind }) => kind === 'fact')
    expect(facts).toEqual([
      {
        kind: 'fact',
        fact: {
          ...{ kind: 'change', tool: 'sftp', operation: 'setstat' },
          path: new TextEncoder().encode('/etc'),
        },
      },
    ])
  })
  test('is no text of a client that nobody has looked through', () => {
    const sftp = channel('allow', 'allow')
    const secret = 'AKIAIOSFODNN7EXAMPLE'
    const attributes = Buffer.concat([u32(0x8000_0000), u32(1), text(secret), text(secret)])
    const opened = message(3, u32(1), text(secret), u32(2), attributes)
    expect(looked(sftp.client(opened))).toEqual([secret, secret, secret])
    const ids = extended(2, 'users-groups-by-id@openssh.com', text(secret), text(secret))
    expect(looked(sftp.client(ids))).toEqual([secret, secret])
  })
})

describe('ends the channel', () => {
  const stat = message(17, u32(1), text('/'))
  const lies: readonly (readonly [
    what: string,
    asks: readonly Uint8Array[],
    says: readonly Uint8Array[],
  ])[] = [
    ['a second version', [], [message(2, u32(3))]],
    ['a reply to nothing', [], [message(101, u32(1), u32(0), text(''), text(''))]],
    ['a second reply', [stat], [message(105, u32(1), no_attrs), message(105, u32(1), no_attrs)]],
    ['a handle for a look', [stat], [handle(1, 'h')]],
    ['content for a look', [stat], [message(103, u32(1), text('x'))]],
    ['a huge count of names', [opendir(1, '/')], [message(104, u32(1), u32(0xffffffff))]],
    [
      'a huge count of attributes',
      [stat],
      [message(105, u32(1), u32(0x8000_0000), u32(0xffffffff))],
    ],
    ['a string beyond its message', [open(1, '/', 1)], [message(102, u32(1), u32(0xffffffff))]],
    ['a handle that is too long', [open(1, '/', 1)], [handle(1, 'h'.repeat(257))]],
    [
      'one handle for two files',
      [open(1, '/a', 1), open(2, '/b', 2)],
      [handle(1, 'h'), handle(2, 'h')],
    ],
    [
      'limits of another length',
      [extended(1, 'limits@openssh.com')],
      [message(201, u32(1), u64(1))],
    ],
    ['an unknown type', [stat], [message(99, u32(1))]],
    ['an empty message', [], [u32(0)]],
    ['a message that is too long', [], [u32(256 * 1024 + 1)]],
    ['text behind a reply', [stat], [message(105, u32(1), no_attrs, text('more'))]],
  ]
  for (const [what, asks, says] of lies)
    test(`${what}`, () => {
      const sftp = channel('allow', 'allow')
      expect(kinds(sftp.client(...asks))).not.toBe('violation')
      expect(kinds(sftp.target(...says))).toBe('violation')
    })
  test('another version than 3, whoever offers it', () => {
    for (const offered of [0, 1, 2, 4, 5, 6, 0xffffffff]) {
      const sftp = channel('allow', 'allow', true)
      const frames = sftp.client(message(1, u32(offered)))
      // Whatever a client offers, the target is asked for 3.
      const asked = typeof frames === 'string' ? [] : frames.filter(({ kind }) => kind === 'data')
      const sent = asked.map((frame) => (frame.kind === 'data' ? [...frame.bytes] : []))
      expect(sent).toEqual([[...message(1, u32(3))]])
      expect(kinds(sftp.target(message(2, u32(offered))))).toBe('violation')
    }
  })
  test('a version that nobody asked for, and requests before it', () => {
    expect(kinds(channel('allow', 'allow', true).target(message(2, u32(3))))).toBe('violation')
    expect(kinds(channel('allow', 'allow', true).client(stat))).toBe('violation')
  })
  test('an id that waits already, and more of them than anybody has', () => {
    expect(kinds(channel('allow', 'allow').client(stat, stat))).toBe('violation')
    const many = Array.from({ length: sftp_pending_max + 1 }, (_, id) =>
      message(17, u32(id), text('/')),
    )
    expect(kinds(channel('allow', 'allow').client(...many.slice(1)))).not.toBe('violation')
    expect(kinds(channel('allow', 'allow').client(...many))).toBe('violation')
  })
  test('more open handles than a server has', () => {
    const sftp = channel('allow', 'allow')
    for (let id = 0; id < sftp_handles_max; id++) {
      sftp.client(opendir(id, '/'))
      expect(kinds(sftp.target(handle(id, `${id}`)))).not.toBe('violation')
    }
    sftp.client(opendir(1, '/'))
    expect(kinds(sftp.target(handle(1, 'more')))).toBe('violation')
  })
})
