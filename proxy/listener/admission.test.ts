/**
 * Who has to go when the room is full.
 */
import { describe, expect, test } from 'bun:test'
import { createAdmission } from './admission.ts'

describe('admission', () => {
  test('nobody goes while there is room', () => {
    const admission = createAdmission<string>(2, () => 0)
    expect([admission.enter('a'), admission.enter('b')]).toEqual([undefined, undefined])
    expect(admission.size).toBe(2)
  })
  test('the oldest goes for the newest', () => {
    const admission = createAdmission<string>(2, () => 0)
    for (const who of ['a', 'b']) admission.enter(who)
    expect([admission.enter('c'), admission.enter('d')]).toEqual(['a', 'b'])
    expect(admission.size).toBe(2)
  })
  test('who has spoken stays while someone is silent', () => {
    const spoken = new Set(['a', 'c'])
    const admission = createAdmission<string>(3, (who) => (spoken.has(who) ? 1 : 0))
    for (const who of ['a', 'b', 'c']) admission.enter(who)
    expect(admission.enter('d')).toBe('b')
    expect(admission.enter('e')).toBe('d')
    spoken.add('e')
    expect(admission.enter('f')).toBe('a')
  })
  test('who has left makes room', () => {
    const admission = createAdmission<string>(1, () => 0)
    admission.enter('a')
    admission.leave('a')
    expect(admission.enter('b')).toBeUndefined()
  })
})
