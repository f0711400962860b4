/**
 * Finds a smallest part of a list that still fails: no single item can be left out. Delta
 * debugging (A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input",
 * IEEE TSE 28, 2002), its `ddmin`.
 *
 * @param items - a list that fails
 * @param fails - whether a part of the list fails too; always gives the same answer for the same part
 */
export async function smallestFailing<Item>(
  items: readonly Item[],
  fails: (part: readonly Item[]) => boolean | Promise<boolean>,
): Promise<readonly Item[]> {
  if (await fails([])) return []
  let rest = items
  let parts = 2
  while (rest.length > 1) {
    const size = Math.ceil(rest.length / parts)
    let next: readonly Item[] | undefined
    for (let start = 0; start < rest.length && next === undefined; start += size) {
      const without = [...rest.slice(0, start), ...rest.slice(start + size)]
      if (without.length > 0 && (await fails(without))) next = without
    }
    if (next !== undefined) {
      rest = next
      parts = Math.max(2, parts - 1)
    } else if (size === 1) {
      return rest
    } else {
      parts = Math.min(rest.length, parts * 2)
    }
  }
  return rest
}
