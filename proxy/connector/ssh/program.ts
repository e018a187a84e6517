/**
 * A program that a client wants to run: started at the target with the same terminal and environment, or
 * refused in a program's own words.
 *
 * @module
 */
import { ChannelEndpoint } from './channel.ts'
import type { LibraryClient } from './library.ts'
import { line } from './line.ts'
import { type Asking, openAt, type Side } from './open.ts'
import type { OpenedSession } from './session.ts'
import { openTellingShell } from './telling.ts'

/** `agent`: programs at the target get a way to the client's agent. */
export function askProgram(
  { request, pty, endpoint }: OpenedSession,
  allowed: { readonly agent: boolean },
): Asking {
  const { kind, env } = request
  let is_dialled = false
  const terminal = pty && {
    term: pty.term,
    cols: pty.columns,
    rows: pty.rows,
    width: pty.width,
    height: pty.height,
    modes: Buffer.from(pty.modes),
  }
  const place = { env, agent: allowed.agent, ...(terminal && { pty: terminal }) }
  return {
    request,
    endpoint,
    ...(kind !== 'shell' || terminal === undefined
      ? {}
      : {
          dialTelling: (target: Side<LibraryClient>) => {
            is_dialled = true
            return openTellingShell(target, place)
          },
        }),
    async dial(target: Side<LibraryClient>) {
      const far = new ChannelEndpoint('target')
      const asked = {
        kind,
        command: Buffer.from(request.command),
        ...place,
        receiver: far.receiver,
      }
      const [pty_refused] = await openAt<[boolean]>(target, far, describe(kind), (opened) =>
        target.connection.session(asked, opened),
      )
      is_dialled = true
      if (pty_refused)
        endpoint.write({ kind: 'data', stream: 2, bytes: line('the target refused a terminal') })
      return far
    },
    wait(given_up) {
      endpoint.whenGivenUp(given_up)
      let is_said = false
      return {
        say(message) {
          // What is typed stands on the row of the cursor.
          const bytes =
            is_dialled && !is_said ? Buffer.concat([new_row, line(message)]) : line(message)
          is_said = true
          endpoint.write({ kind: 'data', stream: 2, bytes })
        },
        end: () => endpoint.whenGivenUp(undefined),
      }
    },
    say(message) {
      // Whatever stands on a terminal's line, this begins a new one.
      const begin = pty === undefined ? '' : '\r\n'
      endpoint.write({
        kind: 'data',
        stream: 2,
        bytes: Buffer.concat([Buffer.from(begin), line(message)]),
      })
    },
    refuse(message, exit_code) {
      endpoint.write({ kind: 'data', stream: 2, bytes: line(message) })
      endpoint.write({ kind: 'control', event: { kind: 'exit', code: exit_code } })
      endpoint.close()
    },
  }
}

const new_row = new TextEncoder().encode('\r\n')

/** Without the command: an error never carries payload. */
function describe(kind: OpenedSession['request']['kind']): string {
  switch (kind) {
    case 'exec':
      return 'to run the command'
    case 'shell':
      return 'to start a shell'
    case 'subsystem':
      return 'the subsystem'
  }
}
