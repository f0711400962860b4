import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all garbage now, in Node. Buffers are given back beside this thread; the next collection waits for that. */
export const collectGarbage = runInNewContext('gc') as () => void
