/**
 * The few parts of a browser that the page uses, as types, and what is built of them. Text goes in as text alone:
 * nothing of a bundle is ever read as markup.
 *
 * @module
 */

export interface PageElement {
  readonly dataset: Record<string, string | undefined>
  readonly style: { color: string; backgroundColor: string; fontWeight: string }
  readonly files?: readonly PageFile[]
  textContent: string
  className: string
  value: string
  disabled: boolean
  hidden: boolean
  max: string
  append(...children: readonly (PageElement | string)[]): void
  replaceChildren(...children: readonly (PageElement | string)[]): void
  onclick: (() => void) | null
  oninput: (() => void) | null
  onchange: (() => void) | null
}

export interface PageFile {
  readonly name: string
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer>
}

declare const document: {
  getElementById(id: string): PageElement | null
  createElement(name: string): PageElement
}

/** An element of the page's own markup. */
export function part(id: string): PageElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found
}

export function element(name: string, text = '', class_name = ''): PageElement {
  const made = document.createElement(name)
  made.textContent = text
  made.className = class_name
  return made
}

/** Rows of a table: a name and what it is. */
export function facts(rows: readonly (readonly [name: string, text: string])[]): PageElement {
  const table = element('table')
  for (const [name, text] of rows) {
    const row = element('tr')
    row.append(element('th', name), element('td', text))
    table.append(row)
  }
  return table
}
