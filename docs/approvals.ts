/**
 * `bun docs/approvals.ts`: makes `docs/approvals.png`, the page for approvers on a phone, from a gateway in front of a real
 * sshd, in a real browser.
 *
 * @module
 */
import { join } from 'node:path'
import { approvalsOf } from '../test/fixture/approvals.ts'
import { openBrowser } from '../test/fixture/chromium.ts'
import { openGuarded } from '../test/fixture/guarded.ts'

const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("prod.databases") @approval("dba") @quorum("2") @expires("15m") @reason("two of the owners look at it first")
permit (principal, action == Action::"exec", resource) when { context.program == "mysql" };
`
/** Of no account: what masking makes of it is shown. */
const password = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const phone = { width: 390, height: 700 }

await using guarded = await openGuarded({
  sections: { policy: { files: ['./policy.cedar'] } },
  files: { 'policy.cedar': policy },
})
const { post, start, token } = approvalsOf(() => guarded)
await using browser = await openBrowser()
const { request, child } = await start(
  `mysql -u app --password=${password} orders < migrate-42.sql`,
)
await post(
  `/api/requests/${request.id}/approve`,
  await token('eve', 'approver', '--group', 'dba'),
  { digest: request.digest },
)
const page = await browser.context.newPage()
await page.setViewportSize(phone)
await page.goto(`${guarded.gateway.api}/approvals`)
await page.getByLabel('A bearer token').fill(await token('bob', 'approver', '--group', 'dba'))
await page.getByLabel('A bearer token').press('Enter')
await page.getByText('1 of 2 by dba: eve').waitFor()
await page.screenshot({ path: join(import.meta.dir, 'approvals.png'), fullPage: true })
child.kill('SIGKILL')
