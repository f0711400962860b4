import { type PeerId, packValue } from '../wire/index.js'
import type { Instance } from './placed-instance.js'
import type { PlacedSnapshot } from './placed-record.js'
import type { PlacedState } from './placed-state.js'
import { allHandled, including, isIncluded } from './version-vector.js'

/**
 * How often one page tries to merge what lies beside a record. A process that goes down with it is
 * started again, and would go down for good by the fourth time.
 */
const mostTries = 2

/** What was merged from beside a record that is remembered for each process. */
const mostRemembered = 16

/** Merges a snapshot of another epoch into what runs here, and into all that is written of it from now on. */
export function mergeSnapshot(instance: Instance, snapshot: PlacedSnapshot): void {
  if (instance.process === undefined || isIncluded(instance.includes, snapshot)) return
  instance.includes = including(instance.includes, snapshot, ...snapshot.includes)
  instance.merged.push(snapshot)
  if (instance.merged.length > mostRemembered) instance.merged.shift()
  instance.process.deliver({ kind: 'merge', snapshot: snapshot.snapshot })
}

/** Has what runs here go on in a later epoch, with all that it held in the one before. */
export function goOn(instance: Instance, owner: PeerId, epoch: number): void {
  const { epoch: before, handled, includes } = instance
  instance.includes = including(includes, { owner, epoch: before, handled })
  instance.epoch = epoch
}

/**
 * Merges what lies beside the record of what runs here, as owners wrote it who were cut off. One
 * that is here brings what it held in the end by itself.
 */
export function mergeBeside({ directory }: PlacedState, instance: Instance): void {
  if (instance.state !== 'running') return
  for (const snapshot of instance.beside) {
    const tries = instance.merged.filter((merged) => isSame(merged, snapshot)).length
    if (tries < mostTries && !directory.isHere(snapshot.owner)) mergeSnapshot(instance, snapshot)
  }
}

/** Merges what the owner of another epoch brings, who has stopped. It may have been thought gone, and what it wrote merged. */
export function mergeBrought(
  instance: Instance,
  { owner, epoch }: { readonly owner: string; readonly epoch: number },
  unpacked: unknown,
): void {
  const known = instance.merged.filter((merged) => merged.owner === owner && merged.epoch <= epoch)
  instance.includes = including(instance.includes, { owner, epoch, handled: allHandled })
  if (known.length > 0) {
    const brought = packValue(unpacked)
    if (known.some(({ snapshot }) => isEqual(packValue(snapshot), brought))) return
  }
  instance.process?.deliver({ kind: 'merge', snapshot: unpacked })
}

function isSame(a: PlacedSnapshot, b: PlacedSnapshot): boolean {
  return a.owner === b.owner && a.epoch === b.epoch && a.handled === b.handled
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
