import { decode } from '@msgpack/msgpack'

/** The code of `signal.join`, which every version of the protocol starts with. */
const joinCode = 112

/** Elements of any array in a join of a later version: plenty, and little to make room for. */
const longestJoin = 1024

/** The version that a join of another version names, whatever else stands in it. */
export function versionOfJoin(frame: Uint8Array): number | undefined {
  try {
    const tuple = decode(frame, { maxArrayLength: longestJoin })
    if (!Array.isArray(tuple) || tuple[0] !== joinCode) return undefined
    return Number.isInteger(tuple[1]) ? tuple[1] : undefined
  } catch {
    return undefined
  }
}
