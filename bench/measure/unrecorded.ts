/**
 * A gateway that records nothing, in a process of its own.
 *
 * @module
 */
import { join } from 'node:path'
import { type Program, startProgram } from './program.ts'

/** With the configuration and the keys of one that has been started. */
export const startUnrecorded = (config: string, data: string): Promise<Program> =>
  startProgram([
    ...[join(import.meta.dir, 'unrecorded-gateway.ts'), '--config', config, '--data', data],
  ])
