/**
 * What a client is told of a statement that does not run: policy's words, and where in it the parser stumbled.
 *
 * @module
 */
import type { Denial } from '../../core/verdict.ts'
import type { Refusal } from './conversation.ts'
import type { Analysis } from './plan.ts'

export const refusalOf = ({ rule, message: text }: Denial): Refusal => ({
  ...{ rule, message: text, code: '42501' },
})

export const faultIn = ({ fault }: Analysis): Pick<Analysis, 'fault'> =>
  fault === undefined ? {} : { fault }
