/**
 * A recorder that is given other masking rules: sessions keep theirs, the bound on how many sets are in use holds, and a set
 * that cannot be loaded changes nothing.
 */
import { expect, test } from 'bun:test'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { masking_tables_max } from '../../proxy/core/limits.ts'
import type { FromRecorder } from '../../proxy/recorder/messages.ts'
import { unpack } from '../../proxy/recorder/packed.ts'
import { compileRules } from '../../proxy/tap/ruleset.ts'
import { PlayedJournal, session_start, start } from './played-recorder.ts'

const rulesetOf = (pattern: string): Ruleset => {
  const compiled = compileRules([], [{ name: 'one', pattern }])
  if (!compiled.ok) throw new Error(compiled.reason)
  return compiled.ruleset
}

test('each session keeps its rules, and no more sets are in use than there may be', async () => {
  const answers = new Map<number, string>()
  const opened: number[] = []
  const shown = new Map<number, string>()
  const take = (message: FromRecorder): void => {
    if (message.kind !== 'committed') return
    unpack(message.items, message.packed, (item) => {
      if (item.kind === 'ack') answers.set(item.ack, item.error?.message ?? 'done')
      if (item.kind === 'ack' && item.opened !== undefined) opened.push(item.opened.session)
      if (item.kind === 'release')
        shown.set(
          item.session,
          (shown.get(item.session) ?? '') + Buffer.from(item.bytes).toString('latin1'),
        )
    })
  }
  const recorder = start(new PlayedJournal(), take)
  recorder.begin([])
  let ack = 0
  const until = async (holds: () => boolean): Promise<void> => {
    for (let turn = 0; !holds(); turn++) {
      if (turn > 2_000) throw new Error('it never comes')
      await Bun.sleep(1)
    }
  }
  const open = async (): Promise<number> => {
    const before = opened.length
    recorder.receive({ kind: 'open', ack: ++ack, start: session_start })
    await until(() => opened.length > before)
    const session = opened.at(-1) ?? 0
    const request = { kind: 'exec', command: new Uint8Array(), env: {} } as const
    recorder.receive({ kind: 'channel', session, ack: ++ack, channel: 0, request })
    return session
  }
  const useRules = async (ruleset: Ruleset): Promise<string> => {
    const of = ++ack
    recorder.receive({
      kind: 'configuration',
      ack: of,
      rules: { ruleset, idle_ms: 10 },
      policy_hash: 'b'.repeat(64),
    })
    await until(() => answers.has(of))
    return answers.get(of) ?? ''
  }
  const print = (session: number, text: string): void => {
    const bytes = new Uint8Array(Buffer.from(text))
    recorder.receive({ kind: 'output', session, channel: 0, stream: 1, bytes })
  }

  // One session under each set, the first ones' included.
  const sessions: number[] = [await open()]
  for (let i = 1; i < masking_tables_max; i++) {
    expect(await useRules(rulesetOf(`secret-${i}[a-z]`))).toBe('done')
    sessions.push(await open())
  }
  expect(await useRules(rulesetOf('secret-x'))).toMatch(/^sessions still use 8 sets of rules/)
  // In two parts, with the refusal between: it is in the midst of a match for each.
  for (const session of sessions) print(session, 'secret-')
  expect(await useRules(rulesetOf('secret-x'))).toMatch(/^sessions still use/)
  for (const [index, session] of sessions.entries())
    print(session, `${index}a secret-${index + 1}a.`)
  await until(
    () => shown.size === sessions.length && [...shown.values()].every((text) => text.endsWith('.')),
  )
  for (const [index, session] of sessions.entries())
    expect(shown.get(session)).toBe(
      index === 0 ? 'secret-0a secret-1a.' : `********* secret-${index + 1}a.`,
    )

  // A session that ends makes room.
  recorder.receive({
    kind: 'close',
    session: sessions[3] ?? 0,
    ack: ++ack,
    reason: 'client',
    detail: '',
  })
  expect(await useRules({ ...rulesetOf('secret-x'), tables: new Uint8Array(1000) })).toMatch(
    /tables/,
  )
  const after_refusal = await open()
  expect(await useRules(rulesetOf('secret-x'))).toBe('done')
  print(await open(), 'secret-x.')
  print(after_refusal, `secret-${masking_tables_max - 1}a.`)
  await until(() => shown.has(after_refusal) && (shown.get(after_refusal) ?? '').endsWith('.'))
  expect(shown.get(after_refusal)).toBe('*********.')
  expect(shown.get(opened.at(-1) ?? 0)).toBe('********.')
}, 60_000)
