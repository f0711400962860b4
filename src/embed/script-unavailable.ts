import { version } from '../../package.json'
import { RingmeshError } from '../errors/index.js'

/** @param problem - what is wrong, and with which of the files that the tag loads from beside itself */
export function scriptUnavailable(problem: string): RingmeshError {
  const wanted = `it must be the one that came with this ringmesh.global.js (version ${version})`
  return new RingmeshError('ScriptUnavailable', `${problem}; ${wanted}`)
}
