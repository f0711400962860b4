import type { Runtime, Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { defaultTimeout } from './call-options.js'
import type { Deadlines } from './deadlines.js'
import type { ExitReason } from './exit.js'
import type { PlacedSnapshot } from './placed-record.js'
import { RestartIntensity } from './restart-intensity.js'
import { Sequences } from './sequences.js'
import type { ServerProcess } from './server-process.js'
import type { VersionVector } from './version-vector.js'

/** A message to a placed process, on its way. */
export type PlacedMessage = Extract<Message, { type: 'placed.message' }>

/** How a start here ended: it runs (undefined), it cannot, or it has to run elsewhere. */
export type PlacedStart = ExitReason | 'elsewhere' | undefined

/** A placed process on this peer. */
export interface Instance {
  readonly placed: string
  readonly key: string
  epoch: number
  /** The latest epoch that another peer was asked to take it over in: it may have, though its answer never came. */
  offered: number
  /** Whether one was asked that has not answered yet: what it says tells where the snapshot is. */
  isOffered: boolean
  /** The last move, where it failed: it is not tried again there before. */
  failedMove: { readonly target: PeerId; readonly delay: number; readonly until: number } | undefined
  args: unknown
  /** What it starts from. */
  from: 'nothing' | 'record' | 'former'
  /** Messages that its processes here have handled: which of its states one is. */
  handled: number
  /** What is in its state besides what happened here. */
  includes: VersionVector
  /** What its record says is in it. */
  written: VersionVector | undefined
  /** What lies beside its record, as last seen: what owners held who were cut off. */
  beside: readonly PlacedSnapshot[]
  /** What was merged here from beside its record. */
  readonly merged: PlacedSnapshot[]
  state: 'starting' | 'running' | 'moving'
  process: ServerProcess | undefined
  /** What came while it was starting or moving. */
  readonly queue: PlacedMessage[]
  sequences: Sequences
  readonly started: ((outcome: PlacedStart) => void)[]
  readonly intensity: RestartIntensity
  saving: Timer | undefined
}

/** A process that crashes more often than this within these seconds has ended for good; OTP's defaults. */
const maxRestarts = 3
const maxSeconds = 5

/** One that has not started yet. */
export function newInstance(
  placed: string,
  key: string,
  args: unknown,
  runtime: Runtime,
  deadlines: Deadlines,
): Instance {
  return {
    placed,
    key,
    epoch: 0,
    offered: 0,
    isOffered: false,
    failedMove: undefined,
    args,
    from: 'nothing',
    handled: 0,
    includes: [],
    written: undefined,
    beside: [],
    merged: [],
    state: 'starting',
    process: undefined,
    queue: [],
    sequences: new Sequences(deadlines),
    started: [],
    intensity: new RestartIntensity(runtime, maxRestarts, maxSeconds),
    saving: undefined,
  }
}

/** The longest wait for a start; the same as for processes that stay where they are. */
export const placedStartTimeout = defaultTimeout

/** One string for both names of a placed process. */
export function nameOf(placed: string, key: string): string {
  return JSON.stringify([placed, key])
}

/** What others are told of it. */
export function entryOf({ placed, key, epoch }: Instance, process: ServerProcess) {
  return { placed, key, epoch, process: process.ref.id }
}

/** Why nothing can run: nobody has its class. */
export function noHost(placed: string): ExitReason {
  return { type: 'error', name: 'NoHost', message: `no peer has defined ${placed}` }
}
