/** A file that takes seconds, so that content comes faster than it is recorded: all of it arrives, both ways. */
import { expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { openTransfers, transfersIn } from './transfer.ts'

const needs = [ssh, sshd, ssh_keygen, '/usr/bin/sftp']

testSlow(needs, 'half a gigabyte over sftp, both ways, as fast as it goes', async () => {
  await using it = await openTransfers('allow', 'allow')
  const [sent, back] = [join(it.far, 'huge'), join(it.far, 'back')]
  const block = randomBytes(16 * 1024 * 1024)
  const all = createHash('sha256')
  for (let count = 0; count < 32; count++) {
    appendFileSync(sent, block)
    all.update(block)
  }
  const ran = await it.sftp(`get ${sent} huge\nput huge ${back}`)
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  const digest = all.digest('hex')
  for (const file of [join(it.near, 'huge'), back])
    expect(createHash('sha256').update(readFileSync(file)).digest('hex')).toBe(digest)
  const whole = { outcome: 'complete', length: 32 * block.length }
  expect(transfersIn(await it.recorded())).toMatchObject([whole, whole])
})
