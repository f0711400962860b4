import type { AnyMessageDefinition } from './message.js'

export const taskMessages = [] as const satisfies readonly AnyMessageDefinition[]
