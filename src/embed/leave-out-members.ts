import { parseSync, Visitor } from 'rolldown/utils'

interface Range {
  readonly start: number
  readonly end: number
}

/**
 * The source of a library without some members of its classes, and without the statements that use them on `this`.
 * A bundler keeps what nobody calls, as it might be called by its name. Lines keep their numbers, for source maps.
 *
 * @throws {Error} where a member is not there, as in another version, or is used in more than a statement of its own
 */
export function leaveOutMembers(source: string, members: readonly string[]): string {
  const cuts: Range[] = []
  const used: Range[] = []
  const statements: Range[] = []
  const missing = new Set(members)
  new Visitor({
    MethodDefinition({ key, start, end }) {
      if (key.type === 'Identifier' && members.includes(key.name)) {
        missing.delete(key.name)
        cuts.push({ start, end })
      }
    },
    ExpressionStatement(statement) {
      statements.push(statement)
    },
    MemberExpression({ object, property, start, end }) {
      if (
        object.type === 'ThisExpression' &&
        property.type === 'Identifier' &&
        members.includes(property.name)
      )
        used.push({ start, end })
    },
  }).visit(parseSync('library.mjs', source).program)
  if (missing.size > 0) throw new Error(`there is no member ${[...missing].join(', ')} to leave out`)
  for (const use of used) {
    if (cuts.some((cut) => contains(cut, use))) continue
    // Of statements within each other, as in a callback, the innermost is the shortest.
    const [statement] = statements
      .filter((each) => contains(each, use))
      .sort((a, b) => a.end - a.start - (b.end - b.start))
    if (statement === undefined)
      throw new Error(`${source.slice(use.start, use.end)} is no statement of its own`)
    cuts.push(statement)
  }
  const outermost = cuts.filter((cut) => !cuts.some((other) => other !== cut && contains(other, cut)))
  let text = source
  for (const { start, end } of outermost.sort((a, b) => b.start - a.start)) {
    // An empty statement, or an empty member of a class.
    text = `${text.slice(0, start)};${source.slice(start, end).replace(/[^\n]/g, '')}${text.slice(end)}`
  }
  return text
}

function contains(outer: Range, inner: Range): boolean {
  return outer.start <= inner.start && inner.end <= outer.end
}
