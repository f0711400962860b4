import { call, type ProcessRef, type Supervisor } from '../index.js'
import type { Job } from './compute.js'

/** How a hang of the compute thread is seen, in milliseconds: its longest job takes a tenth of this patience. */
export const heartbeat = { every: 1_000, patience: 5_000 }

/** A visitor may crash the thread as fast as they can click. */
export const restarts = { maxRestarts: 10, maxSeconds: 5 }

/** Milliseconds between two looks for a compute thread that is being restarted, and how many times. */
const computeWait = { every: 50, times: 200 }

/** Milliseconds until a strike that is not answered is given up: a hang is found out long before. */
const strikeTimeout = 60_000

/** The compute process; waits for one that is being restarted. */
export async function computeOf(tree: Supervisor): Promise<ProcessRef> {
  for (let look = 0; look < computeWait.times; look++) {
    const ref = tree.children().find(({ id }) => id === 'compute')?.ref
    if (ref !== undefined) return ref
    await new Promise((resolve) => setTimeout(resolve, computeWait.every))
  }
  throw new Error('the compute thread does not come back')
}

/** Has the compute thread of a peer throw, or never return; answers what its caller was told. */
export async function strikeCompute(tree: Supervisor, how: 'crash' | 'hang'): Promise<string> {
  const job: Job = { type: how }
  try {
    await call(await computeOf(tree), job, { timeout: strikeTimeout })
    return 'it answered'
  } catch (error) {
    return (error as Error).message
  }
}
