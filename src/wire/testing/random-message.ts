import type * as v from 'valibot'

/** What a made-up message draws from: ids that mean something here, so that it gets past the first check. */
export interface Plausible {
  readonly chance: () => number
  readonly ids: readonly string[]
}

/** Whole numbers that protocols stumble over, and small ones that they use. */
const integers = [
  0,
  1,
  2,
  3,
  7,
  30,
  255,
  65_535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  Number.MAX_SAFE_INTEGER,
]

interface Schema {
  readonly type: string
  readonly literal?: unknown
  readonly options?: readonly unknown[]
  readonly entries?: Readonly<Record<string, Schema>>
  readonly item?: Schema
  readonly items?: readonly Schema[]
  readonly wrapped?: Schema
  readonly key?: Schema
  readonly value?: Schema
  readonly pipe?: readonly { readonly type: string; readonly requirement?: unknown }[]
}

/**
 * Makes up a value that a Valibot schema lets through, or nearly: what a hostile peer can send that
 * the codec does not refuse. Bounds are honoured where the schema states them.
 */
export function randomValue(schema: v.GenericSchema, plausible: Plausible): unknown {
  return madeUp(schema as unknown as Schema, plausible)
}

function madeUp(schema: Schema, plausible: Plausible): unknown {
  const { chance, ids } = plausible
  const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(chance() * list.length)] as Item
  switch (schema.type) {
    case 'literal':
      return schema.literal
    case 'string':
      return bounded(schema, 'max_length') < 20 ? '' : pick(ids)
    case 'number':
      return numberOf(schema, plausible)
    case 'boolean':
      return chance() < 0.5
    case 'bigint':
      return BigInt(pick(integers))
    case 'picklist':
      return pick(schema.options ?? [])
    case 'union':
    case 'variant':
      return madeUp(pick((schema.options ?? []) as readonly Schema[]), plausible)
    case 'nullable':
    case 'optional':
    case 'nullish':
      if (chance() < 0.3 || schema.wrapped === undefined) return schema.type === 'optional' ? undefined : null
      return madeUp(schema.wrapped, plausible)
    case 'array': {
      const length = Math.min(bounded(schema, 'max_length'), Math.floor(chance() * 8))
      return Array.from({ length }, () => madeUp(schema.item as Schema, plausible))
    }
    case 'tuple':
    case 'strict_tuple':
    case 'loose_tuple':
      return (schema.items ?? []).map((item) => madeUp(item, plausible))
    case 'object':
    case 'strict_object':
    case 'loose_object':
      return Object.fromEntries(
        Object.entries(schema.entries ?? {}).map(([name, field]) => [name, madeUp(field, plausible)]),
      )
    case 'instance':
      return Uint8Array.from({ length: Math.floor(chance() * 64) }, () => Math.floor(chance() * 256))
    default:
      return null
  }
}

function numberOf(schema: Schema, { chance }: Plausible): number {
  const low = requirement(schema, 'min_value') ?? 0
  const high = requirement(schema, 'max_value') ?? Number.MAX_SAFE_INTEGER
  const fitting = integers.filter((value) => value >= low && value <= high)
  if (fitting.length === 0) return low
  return fitting[Math.floor(chance() * fitting.length)] as number
}

function requirement(schema: Schema, type: string): number | undefined {
  const found = schema.pipe?.find((action) => action.type === type)?.requirement
  return typeof found === 'number' ? found : undefined
}

function bounded(schema: Schema, type: string): number {
  return requirement(schema, type) ?? Number.MAX_SAFE_INTEGER
}
