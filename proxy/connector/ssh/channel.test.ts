/** Who gives up what they wait for, before it was handed over to anybody. */
import { describe, expect, test } from 'bun:test'
import { ChannelEndpoint } from './channel.ts'

function open(has_terminal: boolean): {
  readonly endpoint: ChannelEndpoint
  readonly told: () => number
} {
  const endpoint = new ChannelEndpoint('client')
  endpoint.has_terminal = has_terminal
  let told = 0
  return {
    endpoint,
    told: () => {
      endpoint.whenGivenUp(() => {
        told += 1
      })
      return told
    },
  }
}
const type = ({ receiver }: ChannelEndpoint, text: string): void =>
  receiver.data(Buffer.from(text), false)

describe('a wait is told that', () => {
  test('Ctrl-C was typed before it began, on a terminal alone', () => {
    for (const has_terminal of [true, false]) {
      const { endpoint, told } = open(has_terminal)
      type(endpoint, 'abc')
      expect(told()).toBe(0)
      type(endpoint, 'x\u0003y')
      // While it waits, and again who begins to wait behind it.
      expect(told()).toBe(has_terminal ? 2 : 0)
    }
  })
  test('a signal came before, if it is one that ends a program', () => {
    const { endpoint, told } = open(false)
    endpoint.receiveEvent({ kind: 'signal', signal: 'USR1' })
    expect(told()).toBe(0)
    endpoint.receiveEvent({ kind: 'signal', signal: 'TERM' })
    expect(told()).toBe(2)
  })
  test('its client had gone before', () => {
    const { endpoint, told } = open(false)
    endpoint.receiver.close(true)
    expect(told()).toBe(1)
  })
  test('nothing any more, once it is over', () => {
    const { endpoint, told } = open(true)
    expect(told()).toBe(0)
    endpoint.whenGivenUp(undefined)
    type(endpoint, '\u0003')
    expect(told()).toBe(1)
  })
})
