import type { AnyMessageDefinition } from './message.js'

export const processMessages = [] as const satisfies readonly AnyMessageDefinition[]
