/**
 * A log's side of C2SP tlog-witness: sends each new checkpoint with the proof that it continues what the witness
 * saw last, and takes nothing for a cosignature that is none.
 *
 * @module
 */
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import { cosignedBy, type Witness } from '../evidence/cosignature.ts'
import { note_bytes_max } from '../evidence/limits.ts'
import { type AsyncHashReader } from '../evidence/merkle.ts'
import { parseNote } from '../evidence/note.ts'
import { consistencyProof } from '../evidence/proof.ts'
import { response_bytes_max } from './limits.ts'
import { add_checkpoint_path, encodeAddCheckpoint, size_type, sizeOf } from './protocol.ts'

export interface SubmitParts {
  /** Where the witness is; its methods are below. */
  readonly url: string
  readonly witness: Witness
  readonly read: AsyncHashReader
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly timeout_ms: number
}

export type Submitted =
  | {
      readonly kind: 'cosigned'
      readonly size: number
      /** The note with the witness's signature besides its own. */
      readonly note: Uint8Array
    }
  /** The witness has seen more of this log than there is, or something else: the log was rolled back or forked. */
  | { readonly kind: 'contradicted'; readonly reason: string }
  /** It may work later. */
  | { readonly kind: 'failed'; readonly reason: string }

/** `seen` is the size that the witness cosigned last, as far as is known. Never rejects. */
export async function submit(
  parts: SubmitParts,
  note: Uint8Array,
  seen: number,
): Promise<Submitted> {
  const text = parseNote(note)?.text
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  if (checkpoint === undefined) return failed('the checkpoint cannot be read')
  try {
    const first = await send(parts, note, checkpoint, Math.min(seen, checkpoint.size))
    if (first.kind !== 'conflict') return first
    if (first.size > checkpoint.size)
      return contradicted(`it saw ${first.size} entries of this log, which has ${checkpoint.size}`)
    const second = await send(parts, note, checkpoint, first.size)
    return second.kind === 'conflict' ? contradicted('it saw another history of this log') : second
  } catch (error) {
    // Neither its address nor what it said is repeated: a name and a code are enough for a line of a log.
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return failed(code === '' && error instanceof Error ? error.name : code)
  }
}

type Sent = Submitted | { readonly kind: 'conflict'; readonly size: number }

async function send(
  { url, witness, read, fetch, timeout_ms }: SubmitParts,
  note: Uint8Array,
  { size }: Checkpoint,
  old_size: number,
): Promise<Sent> {
  const proof = old_size === 0 ? [] : await consistencyProof(old_size, size, read)
  const answer = await fetch(`${url.replace(/\/$/, '')}/${add_checkpoint_path}`, {
    method: 'POST',
    body: Buffer.from(encodeAddCheckpoint({ old_size, proof, checkpoint: note })),
    redirect: 'error',
    signal: AbortSignal.timeout(timeout_ms),
  })
  const body = await bodyOf(answer)
  if (body === undefined) return failed('its answer is too long')
  if (answer.status === 409) {
    const seen =
      answer.headers.get('content-type') === size_type ? sizeOf(body.trimEnd()) : undefined
    return seen === undefined
      ? failed('its answer cannot be read')
      : { kind: 'conflict', size: seen }
  }
  if (answer.status === 422) return contradicted('the proof of consistency does not hold for it')
  if (answer.status !== 200) return failed(`it answers ${answer.status}`)
  return cosigned(note, body, witness, size)
}

/** The answer has lines of signatures; those of other keys are not kept. */
function cosigned(note: Uint8Array, body: string, witness: Witness, size: number): Submitted {
  const lines = body.split('\n').filter((line) => line.startsWith(`— ${witness.name} `))
  const whole = Buffer.concat([note, Buffer.from(lines.map((line) => `${line}\n`).join(''))])
  const parsed = whole.length > note_bytes_max ? undefined : parseNote(whole)
  if (parsed === undefined || cosignedBy(witness, parsed.text, parsed.signatures).kind !== 'seen')
    return failed('its cosignature is not one of the configured key')
  return { kind: 'cosigned', size, note: whole }
}

async function bodyOf(answer: Response): Promise<string | undefined> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of answer.body ?? []) {
    bytes += part.length
    if (bytes > response_bytes_max) return undefined
    parts.push(part)
  }
  return new TextDecoder().decode(Buffer.concat(parts))
}

const failed = (reason: string): Submitted => ({ kind: 'failed', reason })
const contradicted = (reason: string): Submitted => ({ kind: 'contradicted', reason })
