import type { AnyMessageDefinition } from './message.js'

export const membershipMessages = [] as const satisfies readonly AnyMessageDefinition[]
