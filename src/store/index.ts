export type { Change, Persistence } from './persistence.js'
