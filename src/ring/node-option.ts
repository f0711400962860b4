import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'

/** A node as one writes it: an id, which then weighs 1, or an id and a weight. */
export type NodeOption = string | { readonly id: string; readonly weight?: number }

/**
 * The range of weights: wider than any two machines differ, and narrow enough that sums and quotients of
 * as many as there may be stay far from the ends of a double.
 */
const leastWeight = 1e-9
const mostWeight = 1e9
const weightExpected = `must be a number from ${leastWeight} to ${mostWeight}`
const weight = v.optional(
  v.pipe(
    v.number(weightExpected),
    v.minValue(leastWeight, weightExpected),
    v.maxValue(mostWeight, weightExpected),
  ),
  1,
)

const idExpected = 'must be a string that is not empty'
const idSchema = v.pipe(v.string(idExpected), v.minLength(1, idExpected))
const nodeSchema = v.strictObject({ id: idSchema, weight }, 'must be an id or { id, weight }')
const weightSchema = v.strictObject({ weight }, 'must be { weight }')

/** @throws {InvalidOption} where it is no string or an empty one */
export function checkedId(id: unknown, at: string): string {
  return checkOptions(idSchema, id, `${at}.id`)
}

/** The weight of `{ weight }`, 1 where there is none. @throws {InvalidOption} where it is out of range */
export function checkedWeight(options: unknown, at: string): number {
  return checkOptions(weightSchema, options, at).weight
}

/**
 * Ids and their weights, in the order given.
 * @param most - how many there may be
 * @throws {InvalidOption} for an empty or repeated id, a weight out of range, or a node past `most`
 */
export function checkedNodes(nodes: Iterable<NodeOption>, most: number, at: string): Map<string, number> {
  const checked = new Map<string, number>()
  if (typeof nodes !== 'object' || nodes === null || !(Symbol.iterator in nodes))
    throw new InvalidOption(`${at}.nodes`, nodes, 'must be a list of ids or { id, weight }')
  for (const node of nodes) {
    const path = `${at}.nodes[${checked.size}]`
    const { id, weight } = checkOptions(nodeSchema, typeof node === 'string' ? { id: node } : node, path)
    if (checked.has(id)) throw new InvalidOption(path, id, 'must not be there twice')
    if (checked.size === most) throw new InvalidOption(path, id, `must not be past ${most} nodes`)
    checked.set(id, weight)
  }
  return checked
}
