import { describe, expect, it, vi } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import type { Claim, MembershipMessage } from './claim.js'
import { INCARNATION_LEAP } from './constants.js'
import { ALIVE, DEAD, LEAVING, LEFT, PARKED, SUSPECT } from './standing.js'
import { TestCluster, type TestNode } from './testing/cluster.js'
import { at, stateAt } from './testing/observations.js'

// Hours of virtual time: seconds of a machine at rest, more on a busy one.
vi.setConfig({ testTimeout: 60_000 })

describe('incarnations', () => {
  const claim = (node: TestNode, incarnation: number, standing: number): Claim => [
    node.id,
    incarnation,
    standing,
    0,
    1,
    node.id,
  ]

  it('refuse to revive the dead by an old claim, and let it return by a higher one of its own', () => {
    const cluster = new TestCluster().form(4)
    const [a, b, victim] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    victim.isFrozen = true
    cluster.until(() => stateAt(a, victim) === 'dead' && stateAt(b, victim) === 'dead', 60_000)
    const incarnation = a.membership.member(victim.id)?.incarnation ?? Number.NaN
    for (const old of [0, incarnation]) {
      a.membership.receive(b.id, { type: 'membership.gossip', news: [claim(victim, old, ALIVE)] })
      a.membership.receive(b.id, { type: 'membership.gossip', news: [claim(victim, old, SUSPECT + ALIVE)] })
      expect(stateAt(a, victim)).toBe('dead')
    }
    a.membership.receive(victim.id, { type: 'membership.ping', sequence: 1, digest: 0, news: [] })
    expect(stateAt(a, victim)).toBe('dead')
    victim.thaw()
    cluster.until(() => cluster.agree(), 10_000)
    expect(a.membership.member(victim.id)?.incarnation).toBeGreaterThan(incarnation)
    const change = a.seen.findLast(({ member }) => member.id === victim.id)
    expect(change?.before?.state === 'dead' || change?.before?.state === 'alive').toBe(true)
  })

  it('revive it by an old claim where that bug is planted', () => {
    const cluster = new TestCluster().form(4)
    const [a, b, victim] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    victim.isCrashed = true
    cluster.until(() => stateAt(a, victim) === 'dead', 60_000)
    const uproot = plantBug('no-incarnation-check')
    try {
      a.membership.receive(b.id, { type: 'membership.gossip', news: [claim(victim, 0, ALIVE)] })
      expect(stateAt(a, victim)).toBe('alive')
    } finally {
      uproot()
    }
  })

  it('merge as left > dead > suspect > parked > alive at one incarnation, and by the incarnation first', () => {
    const say = (standing: number, incarnation: number): string | undefined => {
      const cluster = new TestCluster().form(3)
      const [a, b, c] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
      cluster.time.advance(10_000)
      c.isFrozen = true
      // So long ago that news of its death is believed as it comes.
      cluster.time.advance(4_500)
      const known = a.membership.member(c.id)?.incarnation ?? 0
      b.isFrozen = true
      a.membership.receive(b.id, { type: 'membership.gossip', news: [claim(c, known + 5, PARKED)] })
      a.membership.receive(b.id, {
        type: 'membership.gossip',
        news: [claim(c, known + incarnation, standing)],
      })
      return stateAt(a, c)
    }
    expect(say(ALIVE, 5)).toBe('parked')
    expect(say(ALIVE, 6)).toBe('alive')
    expect(say(DEAD, 5)).toBe('dead')
    expect(say(DEAD, 4)).toBe('parked')
    expect(say(LEFT, 5)).toBe('left')
    expect(say(LEFT, 4)).toBe('parked')
    expect(say(SUSPECT + ALIVE, 4)).toBe('parked')
    expect(say(SUSPECT + ALIVE, 6)).toBe('suspect')
  })

  it('outbid a false suspicion, a false death and a false goodbye', () => {
    for (const standing of [SUSPECT + ALIVE, DEAD, LEFT]) {
      for (const leap of [0, 3, INCARNATION_LEAP]) {
        const cluster = new TestCluster({ seed: `${standing} ${leap}` }).form(5)
        cluster.time.advance(10_000)
        const [liar, victim] = [at(cluster, 0), at(cluster, 1)]
        const incarnation = (victim.membership.member(victim.id)?.incarnation ?? 0) + leap
        for (const node of cluster.nodes) {
          if (node === liar) continue
          node.membership.receive(liar.id, {
            type: 'membership.gossip',
            news: [[victim.id, incarnation, standing]],
          })
        }
        cluster.until(
          () =>
            cluster.agree() &&
            cluster.nodes.every(
              (node) => (node.membership.member(victim.id)?.incarnation ?? 0) > incarnation,
            ),
          20_000,
        )
      }
    }
  })

  const highest = 2 ** 40
  const lie = (about: TestNode, incarnation: number, standing: number): MembershipMessage => ({
    type: 'membership.gossip',
    news: [[about.id, incarnation, standing]],
  })
  const lies = [ALIVE, SUSPECT + ALIVE, DEAD, LEFT].flatMap((standing) =>
    [highest - 1, highest].map((incarnation) => [standing, incarnation] as const),
  )
  const isSayable = (node: TestNode) =>
    node.membership.members().every(({ incarnation }) => incarnation < 10 * INCARNATION_LEAP)

  it('that leap are not believed of another than the speaker', () => {
    const cluster = new TestCluster().form(4)
    const [a, b, c] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    a.membership.receive(b.id, lie(c, highest, DEAD))
    expect(stateAt(a, c)).toBe('alive')
  })

  it.each(lies)('near the top cannot bury a peer for good: %d in %d', (standing, incarnation) => {
    const cluster = new TestCluster().form(5)
    cluster.time.advance(10_000)
    const [liar, victim] = [at(cluster, 0), at(cluster, 1)]
    for (const node of cluster.nodes) {
      if (node !== liar) node.membership.receive(liar.id, lie(victim, incarnation, standing))
    }
    cluster.time.advance(60_000)
    expect(cluster.agree()).toBe(true)
    expect(cluster.nodes.every(isSayable)).toBe(true)
    // And its next word is heard.
    victim.membership.park()
    cluster.until(() => cluster.nodes.every((node) => stateAt(node, victim) === 'parked'), 5_000)
  })

  it.each(lies)('near the top fool no newcomer that hears them first: %d in %d', (standing, incarnation) => {
    const cluster = new TestCluster().form(5)
    cluster.time.advance(10_000)
    const [liar, victim] = [at(cluster, 0), at(cluster, 1)]
    const newcomer = cluster.add()
    newcomer.membership.start()
    const news = [claim(victim, incarnation, standing)]
    newcomer.membership.receive(liar.id, { type: 'membership.gossip', news })
    for (const node of cluster.nodes) {
      if (node === newcomer) continue
      newcomer.membership.introduce(node.id)
      node.membership.introduce(newcomer.id)
    }
    cluster.time.advance(1_000)
    newcomer.membership.ready()
    cluster.until(() => cluster.agree() && cluster.nodes.every(isSayable), 60_000)
    victim.membership.park()
    cluster.until(() => cluster.nodes.every((node) => stateAt(node, victim) === 'parked'), 5_000)
  })

  it('near the top keep nobody here who is gone: whoever believes them looks when others tell it of the death', () => {
    const cluster = new TestCluster().form(30)
    cluster.time.advance(10_000)
    const [liar, victim, fooled] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    victim.isCrashed = true
    for (let step = 1; step <= 50; step++) {
      fooled.membership.receive(liar.id, lie(victim, step * INCARNATION_LEAP, ALIVE))
    }
    const others = cluster.up.filter((node) => node !== fooled)
    cluster.until(() => others.every((node) => stateAt(node, victim) === 'dead'), 40_000)
    cluster.until(() => stateAt(fooled, victim) === 'dead', 10_000)
  })

  it.each([PARKED, LEAVING, LEFT])(
    'are asked about where others say much less: who was told that it is %d hears it from the peer itself',
    (standing) => {
      const cluster = new TestCluster().form(30)
      cluster.time.advance(10_000)
      const [liar, victim, fooled] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
      for (let step = 1; step <= 50; step++) {
        fooled.membership.receive(liar.id, lie(victim, step * INCARNATION_LEAP, standing))
      }
      const greetings = () => fooled.sentTypes.get('membership.hello') ?? 0
      const before = greetings()
      fooled.membership.receive(at(cluster, 3).id, lie(victim, 1, ALIVE))
      expect(greetings()).toBe(before + 1)
      cluster.until(() => cluster.agree() && cluster.nodes.every(isSayable), 10_000)
    },
  )

  it('are raised by lies so slowly that no page lives to reach the end', () => {
    const cluster = new TestCluster().form(4)
    const [liar, victim] = [at(cluster, 0), at(cluster, 1)]
    const own = () => victim.membership.member(victim.id)?.incarnation ?? Number.NaN
    const before = own()
    for (let count = 0; count < 1_000; count++) {
      victim.membership.receive(liar.id, lie(victim, own() + INCARNATION_LEAP, DEAD))
      cluster.time.advance(1)
    }
    expect(own() - before).toBeLessThanOrEqual(3 * (INCARNATION_LEAP + 1))
  })

  it('of one that left by its own word do not fall back: a late word of it revives nobody', () => {
    const cluster = new TestCluster().form(4)
    const [a, victim] = [at(cluster, 0), at(cluster, 1)]
    a.membership.receive(victim.id, lie(victim, INCARNATION_LEAP, LEFT))
    a.membership.receive(victim.id, lie(victim, 1, ALIVE))
    expect(stateAt(a, victim)).toBe('left')
  })

  it('that leap are asked about: who missed the word of the peer itself hears it yet', () => {
    const cluster = new TestCluster().form(12)
    const [a, b, c] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    // What c says itself does not get through to a, while c outbids the lies.
    cluster.filter = (from, to) => from !== c || to !== a.id
    const own = () => c.membership.member(c.id)?.incarnation ?? Number.NaN
    for (let step = 0; step < 3; step++) {
      c.membership.receive(b.id, lie(c, own() + INCARNATION_LEAP, SUSPECT + ALIVE))
      cluster.time.advance(1_000)
    }
    // From now on it answers when it is asked, and the rounds of probes and tables are left out.
    cluster.filter = (from, to, { type }) => from !== c || to !== a.id || type === 'membership.hello'
    cluster.until(() => a.membership.member(c.id)?.incarnation === own(), 10_000)
  })
})
