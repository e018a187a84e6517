/**
 * `sluice reload`: a running gateway reads its configuration again, and says what came of it.
 *
 * @module
 */
import { api_options, ask, textOf } from './requests.ts'
import type { TokenMint } from './token.ts'
import type { Call, ExitCode, Verb } from './verb.ts'

export const createReloadVerb = (mint: TokenMint): Verb => ({
  name: 'reload',
  summary: 'Have a running gateway read its configuration again',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: api_options,
  run: (call) => reload(call, mint),
})

async function reload(call: Call, mint: TokenMint): Promise<ExitCode> {
  const answer = await ask(call, mint, '/api/reload', {}, ['admin'])
  if (call.flag('json')) await call.console.json(answer)
  else {
    const ended = Number(answer['sessions_ended'])
    await call.console.line(`in use: policy ${textOf(answer['policy_hash'])}`)
    if (ended > 0) call.console.note(`${ended} sessions that may not go on under it were ended`)
  }
  return 0
}
