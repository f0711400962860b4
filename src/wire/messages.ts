import { membershipMessages } from './membership-messages.js'
import { meshMessages } from './mesh-messages.js'
import type { AnyMessageDefinition, MessageOf } from './message.js'
import { processMessages } from './process-messages.js'
import { sessionMessages } from './session-messages.js'
import { signalMessages } from './signal-messages.js'
import { storeMessages } from './store-messages.js'
import { taskMessages } from './task-messages.js'

/** Every message there is. Codes: session 0–7, mesh 8–15, membership 16–31, store 32–63, tasks 64–79, processes 80–111, signalling 112–127, more of processes from 128 on (two bytes). */
const definitions = [
  ...sessionMessages,
  ...meshMessages,
  ...membershipMessages,
  ...storeMessages,
  ...taskMessages,
  ...processMessages,
  ...signalMessages,
] as const

/** The one union of everything that travels, discriminated by `type`. */
export type Message = MessageOf<(typeof definitions)[number]>
export type MessageType = Message['type']

const byType = new Map<string, AnyMessageDefinition>()
const byCode = new Map<number, AnyMessageDefinition>()
for (const definition of definitions as readonly AnyMessageDefinition[]) {
  if (byType.has(definition.type) || byCode.has(definition.code)) {
    throw new Error(`two messages share the type ${definition.type} or the code ${definition.code}`)
  }
  byType.set(definition.type, definition)
  byCode.set(definition.code, definition)
}

/** Looks a definition up by its type or by its code on the wire; undefined where there is none. */
export function messageDefinition(typeOrCode: string | number): AnyMessageDefinition | undefined {
  return typeof typeOrCode === 'string' ? byType.get(typeOrCode) : byCode.get(typeOrCode)
}
