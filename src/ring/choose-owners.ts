import type { Spread } from './readonly-ring.js'

/**
 * The owners of a key out of its nodes in their order: the first `count` of distinct failure domains, filled up
 * with the first of those passed over where domains are too few; then, where none of them is an anchor, the first
 * anchor in the place of the last, but never in the first place.
 *
 * @param next - gives the nodes in their order, then undefined; asked no more often than needed
 */
export function chooseOwners(
  next: () => string | undefined,
  count: number,
  spread: ((id: string) => string) | Spread | undefined,
): string[] {
  const chosen: string[] = []
  if (spread === undefined) {
    for (let id: string | undefined; chosen.length < count; chosen.push(id)) {
      id = next()
      if (id === undefined) break
    }
    return chosen
  }
  const rule: Spread = typeof spread === 'function' ? { domain: spread } : spread
  const domains = new Set<string>()
  const passed: string[] = []
  while (chosen.length < count) {
    const id = next()
    if (id === undefined) break
    const domain = rule.domain(id)
    if (domains.has(domain)) passed.push(id)
    else chosen.push(id)
    domains.add(domain)
  }
  const filled = passed.splice(0, count - chosen.length)
  chosen.push(...filled)
  if (rule.anchor === undefined || chosen.length < 2) return chosen
  if (!chosen.some((id) => rule.anchor?.(id))) {
    const anchor = firstAnchor(passed, next, rule)
    if (anchor !== undefined) chosen[chosen.length - 1] = anchor
  }
  return chosen
}

function firstAnchor(
  passed: readonly string[],
  next: () => string | undefined,
  rule: Spread,
): string | undefined {
  const known = passed.find((id) => rule.anchor?.(id))
  if (known !== undefined) return known
  for (let id = next(); id !== undefined; id = next()) if (rule.anchor?.(id)) return id
  return undefined
}
