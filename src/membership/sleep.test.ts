import { describe, expect, it, vi } from 'vitest'
import { seededRandom } from '../runtime/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import { PARKED_PATIENCE } from './constants.js'
import { TestCluster, type TestNode } from './testing/cluster.js'
import { at, deathsOf, rough, stateAt } from './testing/observations.js'

// Hours of virtual time: seconds of a machine at rest, more on a busy one.
vi.setConfig({ testTimeout: 60_000 })

describe('sleep', () => {
  /** Lets every second page freeze for 2 to 40 s again and again; answers who of the others was ever buried. */
  function buriedWhileOthersFreeze(
    size: number,
    minutes: number,
    seed: string,
    areTimersFirst = false,
  ): number {
    const cluster = new TestCluster({ ...rough, seed }).form(size)
    const chance = seededRandom(seed)
    const doze = (node: TestNode): void => {
      cluster.time.timer(10_000 + chance() * 40_000, () => {
        node.freeze()
        cluster.time.timer(2_000 + chance() * 38_000, () => {
          node.thaw(areTimersFirst)
          doze(node)
        })
      })
    }
    for (const [index, node] of cluster.nodes.entries()) if (index % 2 === 0) doze(node)
    cluster.time.advance(minutes * 60_000)
    return cluster.nodes.filter((_, index) => index % 2 === 1).flatMap((node) => deathsOf(cluster, node))
      .length
  }

  it('of half of the pages, 2 to 40 s at a time, buries no healthy one (200 healthy node-minutes a size)', () => {
    for (const [size, minutes] of [
      [8, 50],
      [20, 20],
      [40, 10],
    ] as const) {
      expect(buriedWhileOthersFreeze(size, minutes, `doze ${size}`)).toBe(0)
    }
  })

  it('buries healthy ones where a late timer gives verdicts', () => {
    const uproot = plantBug('late-timer-verdict')
    try {
      // About every second seed shows it.
      let buried = 0
      for (let run = 0; run < 8; run++) buried += buriedWhileOthersFreeze(20, 20, `late ${run}`, true)
      expect(buried).toBeGreaterThan(0)
    } finally {
      uproot()
    }
  })

  it('of a page that was buried meanwhile ends in an equal view within 2 s of its waking', () => {
    const cluster = new TestCluster({ seed: 'sleeper' }).form(8)
    const sleeper = at(cluster, 3)
    sleeper.freeze()
    cluster.until(
      () => cluster.nodes.every((node) => node === sleeper || stateAt(node, sleeper) === 'dead'),
      60_000,
    )
    cluster.time.advance(20_000)
    sleeper.thaw()
    expect(cluster.until(() => cluster.agree(), 10_000)).toBeLessThanOrEqual(2_000)
    expect(sleeper.membership.member(sleeper.id)?.incarnation).toBeGreaterThan(1)
  })

  it('gives no verdict for 6 s after it, though a suspicion was nearly over', () => {
    const cluster = new TestCluster({ seed: 'verdict' }).form(3)
    const [a, b, c] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    b.isCrashed = true
    cluster.until(() => a.membership.member(b.id)?.suspected === true, 20_000)
    a.freeze()
    c.isCrashed = true
    cluster.time.advance(30_000)
    a.thaw()
    cluster.time.advance(5_900)
    expect(a.membership.member(b.id)?.state).toBe('suspect')
    expect(a.membership.member(c.id)?.state).not.toBe('dead')
    cluster.until(() => stateAt(a, b) === 'dead' && stateAt(a, c) === 'dead', 120_000)
  })

  it('buries nobody at its end before it has read what waited, however short it was', () => {
    // The moment at which a sleep of 2.3 s begins, in each of the last seconds of a suspicion of 24 s.
    for (let beginsAt = 17_000; beginsAt < 24_000; beginsAt += 100) {
      const cluster = new TestCluster({ seed: 'nap' }).form(2)
      const [a, b] = [at(cluster, 0), at(cluster, 1)]
      cluster.filter = (from) => from !== b
      cluster.until(() => a.membership.member(b.id)?.suspected === true, 20_000)
      cluster.time.advance(beginsAt)
      if (stateAt(a, b) === 'dead') continue
      a.freeze()
      cluster.filter = () => true
      cluster.time.advance(2_300)
      a.thaw(true)
      expect(stateAt(a, b), `asleep from ${beginsAt}`).not.toBe('dead')
      cluster.until(() => stateAt(a, b) === 'alive', 10_000)
      expect(a.seen.some(({ member }) => member.state === 'dead')).toBe(false)
    }
  })

  it('leaves a parked page its time, and not much more', () => {
    const cluster = new TestCluster({ seed: 'parked' }).form(6)
    const sleeper = at(cluster, 2)
    sleeper.membership.park()
    cluster.time.advance(2_000)
    for (const node of cluster.nodes) expect(stateAt(node, sleeper)).toBe('parked')
    sleeper.freeze()
    // Its connection fails meanwhile, as that of a frozen page does.
    cluster.socketClosed(sleeper.id)
    cluster.time.advance(PARKED_PATIENCE - 5_000)
    expect(deathsOf(cluster, sleeper)).toEqual([])
    expect(at(cluster, 0).membership.member(sleeper.id)?.suspected).toBe(true)
    expect(stateAt(at(cluster, 0), sleeper)).toBe('parked')
    const rest = cluster.until(() => stateAt(at(cluster, 0), sleeper) === 'dead', 60_000)
    expect(rest).toBeLessThan(20_000)
  })
})

describe('a hidden page', () => {
  it('that joins is parked when it is ready, and counts for the ring when it is seen', () => {
    const cluster = new TestCluster().form(3)
    const hidden = cluster.add('hidden')
    hidden.membership.park()
    hidden.membership.start()
    hidden.membership.introduce(at(cluster, 0).id)
    cluster.time.advance(1_000)
    hidden.membership.ready()
    cluster.until(() => cluster.nodes.every((node) => stateAt(node, hidden) === 'parked'), 5_000)
    hidden.membership.unpark()
    cluster.until(() => cluster.agree(), 5_000)
  })

  it('with one timer a second, or a minute, buries nobody and is not buried', () => {
    for (const period of [1_000, 60_000]) {
      const cluster = new TestCluster({ ...rough, seed: period })
      cluster.form(10)
      const hidden = at(cluster, 0)
      hidden.membership.park()
      hidden.timerPeriod = period
      cluster.time.advance(10 * 60_000)
      for (const node of cluster.nodes) expect(deathsOf(cluster, node)).toEqual([])
      for (const node of cluster.nodes) expect(stateAt(node, hidden)).toBe('parked')
    }
  })
})
