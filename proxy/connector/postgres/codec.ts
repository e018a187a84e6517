/**
 * The two codecs of a connection, which share what was asked.
 *
 * @module
 */
import type { Codec, Direction, Wire } from '../../core/connector.ts'
import type { Judge } from '../../core/statement.ts'
import { Answers } from './answers.ts'
import { Conversation } from './conversation.ts'
import type { Analyser } from './plan.ts'
import { Requests } from './requests.ts'

/** For a session that the target has just declared ready. */
export function createCodecs(analyser: Analyser, judge: Judge): Readonly<Record<Direction, Codec>> {
  const conversation = new Conversation()
  const requests = new Requests(conversation, analyser, judge)
  const answers = new Answers(conversation, analyser)
  return { to_target: codecOf(requests), to_client: codecOf(answers) }
}

function codecOf(side: Pick<Codec, 'decode' | 'flush'>): Codec {
  return {
    decode: (wire) => side.decode(wire),
    // Masks have the length of what they cover, and what became NULL was written anew.
    encode: (frame: Wire) => frame,
    flush: () => side.flush(),
  }
}
