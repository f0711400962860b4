import type { AnyMessageDefinition } from './message.js'

export const storeMessages = [] as const satisfies readonly AnyMessageDefinition[]
