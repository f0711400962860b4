import { percent } from '../picture/index.js'
import { type Fault, isOfWorker } from './fault.js'
import type { Sighting } from './stopwatch.js'

/** What the verdict on a fault is called. */
const verdicts: Readonly<Record<Fault, string>> = {
  'crash-worker': 'running again after',
  'hang-worker': 'running again after',
  kill: 'declared dead after',
  freeze: 'alive and well after',
  cut: 'declared dead after',
  heal: 'alive again after',
}

/** One figure of a fault: what it is called, and what was measured so far. */
export interface Figure {
  readonly name: string
  readonly value: string | undefined
  readonly isBad: boolean
}

/** The figures of a fault, in the order in which they come to be known. */
export function figuresOf(sighting: Sighting): readonly Figure[] {
  const { fault, phase, noticed, detected, settled, tasks, writes } = sighting
  const figure = (name: string, value: string | undefined, isBad = false): Figure => ({ name, value, isBad })
  const figures: Figure[] = []
  if (fault !== 'heal') {
    const doubted = noticed === undefined && phase === 'done' ? 'never' : time(noticed)
    figures.push(figure(isOfWorker(fault) ? 'exit seen after' : 'doubted after', doubted))
  }
  figures.push(figure(verdicts[fault], time(detected)))
  if (!isOfWorker(fault)) figures.push(figure('ring settled after', time(settled)))
  figures.push(
    figure('tasks lost', lostOf(tasks), (tasks?.lost ?? 0) > 0),
    figure('acknowledged writes lost', lostOf(writes), (writes?.lost ?? 0) > 0),
  )
  if (!isOfWorker(fault)) {
    figures.push(figure('keys moved / the least possible', moves(sighting)))
  }
  return figures
}

/** The same in a sentence or two, for a caption. */
export function summary(sighting: Sighting): string {
  const { fault, detected, tasks, writes, moved, ideal, failure } = sighting
  if (failure !== undefined) return failure
  const verdict = `${verdicts[fault].replace(/^./, (letter) => letter.toUpperCase())} ${time(detected)}.`
  const lost = `Lost: ${lostOf(tasks)} tasks and ${lostOf(writes)} acknowledged writes.`
  if (isOfWorker(fault)) return `${verdict} ${lost}`
  return `${verdict} ${lost} Keys moved: ${percent(moved ?? 0)}, the least possible is ${percent(ideal ?? 0)}.`
}

/** What moved against what had to; how often the ring changed is told where a peer came and went more than once. */
function moves({ moved, ideal = 0, ringChanges = 0 }: Sighting): string | undefined {
  if (moved === undefined) return undefined
  return `${percent(moved)} / ${percent(ideal)}${ringChanges > 1 ? ` in ${ringChanges} changes` : ''}`
}

function lostOf(count: { readonly lost: number; readonly of: number } | undefined): string | undefined {
  return count && `${count.lost} of ${count.of}`
}

function time(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined) return undefined
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(2)} s`
}
