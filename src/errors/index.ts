/** The typed errors of ringmesh, and the one way options are checked. */

export { checkNames } from './check-names.js'
export { checkOptions, hiddenValue } from './check-options.js'
export {
  BadFrame,
  InvalidOption,
  RingmeshError,
  type RingmeshErrorName,
} from './errors.js'
