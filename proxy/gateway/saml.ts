/**
 * SAML providers as the configuration has them now: it may be read again while people sign in.
 *
 * @module
 */
import type { SamlProvider, SamlSettings } from '../identity/saml/provider.ts'

export interface SamlInUse {
  /** Of all, in the order of the configuration. */
  readonly names: readonly string[]
  /** Empty in a worker, which has no pages. */
  readonly settings: readonly SamlSettings[]
  use(names: readonly string[], settings: readonly SamlSettings[]): void
}

export function createSamlInUse(
  first_names: readonly string[],
  first: readonly SamlSettings[],
): SamlInUse {
  let names = first_names
  let settings = first
  return {
    get names() {
      return names
    },
    get settings() {
      return settings
    },
    use(next_names, next) {
      names = next_names
      settings = next
    },
  }
}

/** One for each of the settings; what has not changed is the same as before. */
export function createSamlProviders(
  in_use: Pick<SamlInUse, 'settings'>,
  create: (settings: SamlSettings) => SamlProvider,
): () => readonly SamlProvider[] {
  const made = new Map<string, SamlProvider>()
  let of: readonly SamlSettings[] | undefined
  let providers: readonly SamlProvider[] = []
  return () => {
    const { settings } = in_use
    if (settings === of) return providers
    of = settings
    const before = new Map(made)
    made.clear()
    providers = settings.map((each) => {
      const key = JSON.stringify(each)
      const provider = before.get(key) ?? create(each)
      made.set(key, provider)
      return provider
    })
    return providers
  }
}
