/**
 * A shell that was started so that it tells of each command, and waits for an answer before it runs it. It tells over a
 * connection of its own, not through its terminal; who may run programs in it can still get around that.
 *
 * @module
 */
import type { Endpoint } from './connector.ts'

export interface ToldCommand {
  /** To be answered with. */
  readonly id: string
  readonly text: Uint8Array
  readonly cwd: string
}

export interface TellingShell {
  /** Its terminal. */
  readonly endpoint: Endpoint
  /** Once, before the endpoint is started. */
  listen(on: ToldEvents): void
  /** `refusal`: one line for the user, who is shown it by the shell; undefined lets it run. */
  answer(id: string, refusal?: string): void
}

export interface ToldEvents {
  asks(command: ToldCommand): void
  /** A command begins to run. */
  began(): void
  /** It stands at a prompt; what ran before ended with this code. */
  prompts(code: number): void
  /** Nothing more is heard of it, or something that no such shell says. */
  lost(): void
}
