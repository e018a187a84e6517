/**
 * The driver, made safe. `libsql` 0.5.29 aborts the whole process when a statement's only parameter is
 * a buffer, a boolean or an object with unknown keys; given one array it does not. So parameters always
 * go as one array here, booleans as 1 and 0, and anything else is refused before it is bound. A `get` behind an `all` of the same
 * statement gives the row of the `all`, whatever its parameters are; here it does not.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { hkdfSync } from 'node:crypto'
import Driver from 'libsql'

/** What a column can hold. */
export type Parameter = string | number | bigint | boolean | null | Uint8Array

/** The members of `better-sqlite3` that Drizzle's session calls. */
export interface Statement {
  run(...parameters: readonly unknown[]): unknown
  get(...parameters: readonly unknown[]): unknown
  all(...parameters: readonly unknown[]): unknown[]
  /** Rows as arrays from here on. */
  raw(): Statement
}

export interface Connection {
  prepare(sql: string): Statement
  /** Runs statements without parameters. */
  exec(sql: string): void
  readonly in_transaction: boolean
  /** The driver keeps descriptors and the WAL file; open connections once. */
  close(): void
}

/**
 * Opens a database file, `:memory:` or a `file:` URI. Throws what the driver throws; its statements
 * throw an error with SQLite's name as `code`.
 *
 * @param key of a store that is encrypted at rest, 32 bytes; the file is then encrypted, its write-ahead log too
 */
export function connect(path: string, key?: Uint8Array): Connection {
  const driver = new Driver(path, key === undefined ? {} : encryption(key))
  return {
    prepare: (sql) => wrap(driver.prepare(sql)),
    exec: (sql) => void driver.exec(sql),
    get in_transaction() {
      return driver.inTransaction
    },
    close: () => void driver.close(),
  }
}

/**
 * Encrypts a database that is not yet, in place: all of it, or nothing when it is interrupted. Nobody else may have it
 * open. Throws what the driver throws.
 */
export function encryptDatabase(path: string, key: Uint8Array): void {
  const driver = new Driver(path)
  try {
    // What is in the write-ahead log comes into the file, and the change is one transaction of the file's own.
    driver.prepare('PRAGMA journal_mode = DELETE').all()
    driver.exec(`PRAGMA cipher = '${cipher}'`)
    driver.prepare(`PRAGMA rekey = '${passwordOf(key)}'`).all()
  } finally {
    driver.close()
  }
}

/** SQLite3 Multiple Ciphers' AES-256 in CBC mode, each page with an IV of its own. */
const cipher = 'aes256cbc'

/** The driver's types do not know them. */
const encryption = (key: Uint8Array): object => ({
  encryptionCipher: cipher,
  encryptionKey: passwordOf(key),
})

/** Not the key itself, which is that of the journal too. */
function passwordOf(key: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', key, new Uint8Array(), 'sluice-database-v1', 32)).toString(
    'hex',
  )
}

function wrap(statement: Driver.Statement): Statement {
  let was_all = false
  const wrapped: Statement = {
    run: (...parameters) => statement.run(bindable(parameters)),
    get: (...parameters) =>
      was_all ? statement.all(bindable(parameters))[0] : statement.get(bindable(parameters)),
    all(...parameters) {
      was_all = true
      return statement.all(bindable(parameters))
    },
    raw() {
      statement.raw(true)
      return wrapped
    },
  }
  return wrapped
}

function bindable(parameters: readonly unknown[]): Parameter[] {
  return parameters.map((parameter) => {
    if (parameter === null || typeof parameter === 'string') return parameter
    if (typeof parameter === 'number' || typeof parameter === 'bigint') return parameter
    if (typeof parameter === 'boolean') return parameter ? 1 : 0
    // A missing value would silently become NULL.
    assert(parameter instanceof Uint8Array, 'a parameter is a value of SQLite')
    return parameter
  })
}
