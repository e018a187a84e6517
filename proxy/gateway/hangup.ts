/**
 * SIGHUP: the section `masking` of the configuration is read again, for sessions that begin afterwards.
 *
 * @module
 */
import { ownSecrets } from '../config/known-secrets.ts'
import { type Config, loadConfig } from '../config.ts'
import type { Log } from '../log.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { createReload } from '../reload/reload.ts'

export interface HangupOptions {
  /** Path of the configuration. Without one there is nothing to read again, and a terminal that is closed ends the trial. */
  readonly path: string | undefined
  /** What this process runs with. */
  readonly config: Config
  readonly recorder: RecorderClient
  readonly log: Log
  /** Who else is to read it. */
  readonly others?: () => void
}

/** Returns what does the same without a signal. */
export function reloadOnHangup({ path, config, recorder, log, others }: HangupOptions): () => void {
  if (path === undefined) return () => {}
  const reload = createReload({
    load: () => loadConfig(path, process.env),
    own: ownSecrets(config.identity.oidc, config.targets, config.evidence.remote),
    use: recorder.useRuleset,
    log,
  })
  const again = (): void => {
    others?.()
    void reload()
  }
  process.on('SIGHUP', again)
  return again
}
