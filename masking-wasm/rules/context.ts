/**
 * What stands between the name of a secret and the secret, as parts of expressions.
 *
 * @module
 */

/** After a variable's or a member's name: `=`, `: "`, ` => '`. */
export const assigned = '["\']?[ \\t]*(?:=|:|=>)[ \\t]*["\']?'

/** After a header's name, also as the member of an object. */
export const header = '["\']?:[ \\t]*["\']?'

/** RFC 9562, lower case as tokens have it. */
export const uuid_form = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** After what people call a number of theirs: ` no.: `, `_number": "`, or a blank alone. Case is ignored. */
export const labelled =
  '(?:[ _-]?(?:no|nr|num|number|id|code)\\.?)?["\']?[ \\t]*[:=#]?[ \\t]*["\']?'
