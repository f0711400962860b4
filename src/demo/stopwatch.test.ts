import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { HashRing, type Mesh } from '../index.js'
import type { MeshObserver } from '../picture/index.js'
import type { Reports } from './reports.js'
import { leastMove, type Sighting, Stopwatch } from './stopwatch.js'
import type { Targets } from './targets.js'

/** A mesh of plain objects, seen from `self`, whose other peers die and come back as a test says. */
class StagedMesh {
  readonly id = 'self'
  ring = new HashRing(['self', 'a', 'b', 'c'])
  readonly #listeners = new Map<string, Set<(event: never) => void>>()

  members(): { id: string; state: string }[] {
    return this.ring.nodes().map(({ id }) => ({ id, state: 'alive' }))
  }
  on(event: string, listener: (event: never) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
    return () => listeners.delete(listener)
  }
  readonly tasks = { run: async () => undefined }
  store(): object {
    const kept = new Map<string, unknown>()
    return {
      put: async (key: string, value: unknown) => kept.set(key, value),
      get: async (key: string) => kept.get(key),
      delete: async () => undefined,
    }
  }

  dies(peer: string): void {
    this.#emit('change', { id: peer, state: 'dead' })
    this.#emit('down', { id: peer })
    this.#changeRing(this.ring.nodes().filter(({ id }) => id !== peer))
  }
  returns(peer: string): void {
    this.#emit('change', { id: peer, state: 'alive' })
    this.#changeRing([...this.ring.nodes(), { id: peer, weight: 1 }])
  }

  #changeRing(nodes: readonly { id: string; weight: number }[]): void {
    const before = this.ring
    this.ring = new HashRing(nodes)
    this.#emit('ring', { moved: before.moved(this.ring) })
  }
  #emit(event: string, about: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(about as never)
  }
}

describe('a peer that is killed', () => {
  let mesh: StagedMesh
  let seen: Promise<Sighting>
  const share = (peer: string): number => new HashRing(['self', 'a', 'b', 'c']).share(peer)

  beforeEach(async () => {
    vi.useFakeTimers()
    mesh = new StagedMesh()
    const stopwatch = new Stopwatch({
      mesh: mesh as unknown as Mesh,
      observer: { note: () => {}, nameOf: (id: string) => id, flow: () => {} } as unknown as MeshObserver,
      reports: { isAgreed: true } as Reports,
      targets: { strike: () => {} } as unknown as Targets,
    })
    seen = stopwatch.strike('kill', 'a')
    await vi.advanceTimersByTimeAsync(1_500)
    return () => vi.useRealTimers()
  })

  test('moves exactly what it owned', async () => {
    mesh.dies('a')
    await vi.advanceTimersByTimeAsync(5_000)
    const { moved, ideal, ringChanges, failure } = await seen
    expect(failure).toBeUndefined()
    expect(moved).toBe(share('a'))
    expect(ideal).toBeCloseTo(share('a'), 12)
    expect(ringChanges).toBe(1)
  })

  test('is not settled while all agree that it lives: its last word may come after the verdict', async () => {
    mesh.dies('a')
    await vi.advanceTimersByTimeAsync(100)
    mesh.returns('a')
    await vi.advanceTimersByTimeAsync(5_000)
    mesh.dies('a')
    await vi.advanceTimersByTimeAsync(5_000)
    const { moved, ideal, ringChanges, settled = 0 } = await seen
    expect(ringChanges).toBe(3)
    expect(moved).toBeCloseTo(3 * share('a'), 12)
    expect(ideal).toBeCloseTo(3 * share('a'), 12)
    expect(settled).toBeGreaterThan(5_000)
  })

  test('is not charged for another that goes meanwhile', async () => {
    mesh.dies('a')
    mesh.dies('b')
    await vi.advanceTimersByTimeAsync(5_000)
    const { moved = 0, ideal, ringChanges } = await seen
    expect(ringChanges).toBe(2)
    expect(moved).toBeGreaterThan(share('a') + share('b') - 0.001)
    expect(ideal).toBeCloseTo(moved, 12)
  })

  test('is watched no longer than this page stays: nothing is called lost that it only cannot hear of', async () => {
    mesh.dies('self')
    await vi.advanceTimersByTimeAsync(5_000)
    const { failure, phase, writes } = await seen
    expect(phase).toBe('done')
    expect(failure).toBe('this tab left the mesh meanwhile')
    expect(writes).toBeUndefined()
  })
})

test('nothing moves less than the least, and one peer that comes or goes moves just that', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 })
  fc.assert(
    fc.property(names, names, (some, others) => {
      const before = new HashRing(some)
      const after = new HashRing(others)
      expect(before.moved(after)).toBeGreaterThanOrEqual(leastMove(before, after) - 1e-9)
      const less = new HashRing(some.slice(1))
      expect(before.moved(less)).toBeCloseTo(leastMove(before, less), 9)
      expect(less.moved(before)).toBeCloseTo(leastMove(less, before), 9)
    }),
    { numRuns: 25 },
  )
})
