/**
 * The two codecs of a connection, which share what was asked.
 *
 * @module
 */
import type { Codec, Decoded, Direction, Wire } from '../../core/connector.ts'
import type { Judge, Lookup } from '../../core/statement.ts'
import { Answers } from './answers.ts'
import { Conversation } from './conversation.ts'
import { Judging } from './judging.ts'
import type { Analyser } from './plan.ts'
import { Requests } from './requests.ts'
import { WholeAnswers } from './whole-answers.ts'
import { WholeRuns } from './whole-runs.ts'

/** For a session whose login the target has taken: what it says next, it says until it is ready. `lookup`: what is known of how it looks names up. */
export function createCodecs(
  analyser: Analyser,
  judge: Judge,
  lookup: Lookup = { schemas: undefined },
  /** Of each result; all without it. */
  recorded_rows_max?: number,
): Readonly<Record<Direction, Codec>> {
  const conversation = new Conversation()
  conversation.expect({ kind: 'sync' })
  const judging = new Judging(conversation, judge, lookup)
  const requests = new Requests(conversation, analyser, judging)
  const answers = new Answers(conversation, analyser, recorded_rows_max)
  const runs = new WholeRuns(conversation, analyser, judging)
  const whole = new WholeAnswers(conversation, analyser, recorded_rows_max)
  const to_target: Codec = {
    ...codecOf(requests, runs),
    settle: (verdict, is_given_up) => requests.settle(verdict, is_given_up),
  }
  return { to_target, to_client: codecOf(answers, whole) }
}

interface Side extends Pick<Codec, 'decode' | 'flush'> {
  readonly isBetween: boolean
}

/** Reads most of what comes at once; undefined where it has to be read message by message, and nothing has changed then. */
interface Whole {
  read(bytes: Uint8Array): Decoded | undefined
}

function codecOf(side: Side, whole: Whole): Codec {
  return {
    decode: (wire) =>
      (wire.kind === 'data' && side.isBetween ? whole.read(wire.bytes) : undefined) ??
      side.decode(wire),
    // Masks have the length of what they cover, and what became NULL was written anew.
    encode: (frame: Wire) => frame,
    flush: () => side.flush(),
  }
}
