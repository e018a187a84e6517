/**
 * The driver, made safe. `libsql` 0.5.29 aborts the whole process when a statement's only parameter is
 * a buffer, a boolean or an object with unknown keys; given one array it does not. So parameters always
 * go as one array here, booleans as 1 and 0, and anything else is refused before it is bound.
 *
 * @module
 */
import assert from 'node:assert/strict'
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
 */
export function connect(path: string): Connection {
  const driver = new Driver(path)
  return {
    prepare: (sql) => wrap(driver.prepare(sql)),
    exec: (sql) => void driver.exec(sql),
    get in_transaction() {
      return driver.inTransaction
    },
    close: () => void driver.close(),
  }
}

function wrap(statement: Driver.Statement): Statement {
  const wrapped: Statement = {
    run: (...parameters) => statement.run(bindable(parameters)),
    get: (...parameters) => statement.get(bindable(parameters)),
    all: (...parameters) => statement.all(bindable(parameters)),
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
