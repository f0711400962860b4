/** Time, chance, timers and logging: all that floors 1 to 4 know of the outer world; and the events that they tell each other. */

export { Emitter } from './emitter.js'
export { ScheduledEvent } from './event-queue.js'
export { isPlanted, type PlantedBug } from './planted-bugs.js'
export { randomId } from './random-id.js'
export type { Log, LogLevel, Runtime, Timer } from './runtime.js'
export { seededRandom } from './seeded-random.js'
export { type SystemRuntimeOptions, systemRuntime } from './system.js'
export { VirtualTime, virtualWallClockStart } from './virtual.js'
