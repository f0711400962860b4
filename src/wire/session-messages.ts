import type { AnyMessageDefinition } from './message.js'

export const sessionMessages = [] as const satisfies readonly AnyMessageDefinition[]
