import { decode, encode } from '@msgpack/msgpack'
import * as v from 'valibot'
import { BadFrame } from '../errors/index.js'
import { limits } from './limits.js'
import { type Message, messageDefinition } from './messages.js'

/** Encodes a message as MessagePack of `[code, ...fields]`. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const definition = messageDefinition(message.type)
  if (definition === undefined) throw new BadFrame(`no message has the type ${message.type}`)
  const record = message as unknown as Readonly<Record<string, unknown>>
  const tuple: unknown[] = [definition.code]
  for (const field of Object.keys(definition.fields)) tuple.push(record[field])
  return encode(tuple, { ignoreUndefined: true })
}

/**
 * Decodes and validates one message.
 *
 * @throws {BadFrame} when it is over the limit, is no MessagePack, has an unknown code, or differs
 * from its definition in any field
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.byteLength > limits.messageBytes) {
    throw new BadFrame(`a message of ${bytes.byteLength} bytes is over the limit of ${limits.messageBytes}`)
  }
  let tuple: unknown
  try {
    tuple = decode(bytes, { maxArrayLength: limits.valueElements, maxMapLength: limits.valueElements })
  } catch (cause) {
    throw new BadFrame('a message is not well-formed MessagePack', { cause })
  }
  if (!Array.isArray(tuple) || typeof tuple[0] !== 'number') throw new BadFrame('a message has no code')
  const definition = messageDefinition(tuple[0])
  if (definition === undefined) throw new BadFrame(`no message has the code ${tuple[0]}`)
  const names = Object.keys(definition.fields)
  if (tuple.length !== names.length + 1)
    throw new BadFrame(`${definition.type} has ${tuple.length - 1} fields`)
  const record: Record<string, unknown> = { type: definition.type }
  for (const [index, name] of names.entries()) record[name] = tuple[index + 1]
  const result = v.safeParse(definition.schema, record, { abortEarly: true })
  if (!result.success) {
    throw new BadFrame(
      `${definition.type}: ${v.getDotPath(result.issues[0]) ?? ''} ${result.issues[0].message}`,
    )
  }
  return result.output as unknown as Message
}
