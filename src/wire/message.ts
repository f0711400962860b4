import * as v from 'valibot'

/**
 * Which message leaves first when several wait: membership before control before calls before
 * bulk, so that a ping never waits behind a transfer.
 */
export const priorities = { membership: 0, control: 1, call: 2, bulk: 3 } as const
export type Priority = (typeof priorities)[keyof typeof priorities]

type Entries = v.ObjectEntries

/** One kind of message: its name in the code, its number on the wire, its urgency and its fields. */
export interface MessageDefinition<Type extends string, Fields extends Entries> {
  readonly type: Type
  /** The number that stands for `type` on the wire; below 128 it costs one byte. */
  readonly code: number
  readonly priority: Priority
  /** The order of the fields here is their order on the wire. */
  readonly fields: Fields
  readonly schema: v.StrictObjectSchema<Fields & { type: v.LiteralSchema<Type, undefined> }, undefined>
}

// biome-ignore lint/suspicious/noExplicitAny: the fields of a definition vary; only this alias leaves them open
export type AnyMessageDefinition = MessageDefinition<string, any>

/** The message that a definition describes, discriminated by `type`. */
export type MessageOf<Definition> =
  Definition extends MessageDefinition<infer Type, infer Fields>
    ? { readonly type: Type } & v.InferOutput<v.StrictObjectSchema<Fields, undefined>>
    : never

/**
 * Defines one kind of message. On the wire it is the array `[code, ...fields]`, which costs no
 * byte for names; on arrival it must match `fields` exactly or it is refused.
 *
 * @example
 * ```ts
 * const ping = defineMessage(16, 'ping', priorities.membership, { sequence: v.number() })
 * ```
 */
export function defineMessage<const Type extends string, Fields extends Entries>(
  code: number,
  type: Type,
  priority: Priority,
  fields: Fields,
): MessageDefinition<Type, Fields> {
  const schema = v.strictObject({ type: v.literal(type), ...fields })
  return { type, code, priority, fields, schema } as MessageDefinition<Type, Fields>
}
