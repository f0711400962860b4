import { describe, expect, it } from 'vitest'
import { CONTACT_TRIES, PROBE_PERIOD } from './constants.js'
import { TestCluster, type TestNode } from './testing/cluster.js'
import { at, stateAt } from './testing/observations.js'

/** When `node` greeted, in milliseconds since now. */
function greetingsOf(cluster: TestCluster, node: TestNode): number[] {
  const times: number[] = []
  const since = cluster.time.now
  cluster.filter = (from, _to, message) => {
    if (from === node && message.type === 'membership.hello') times.push(cluster.time.now - since)
    return true
  }
  return times
}

/** Two that were introduced to each other, and between whom nothing passes yet. */
function strangers() {
  const cluster = new TestCluster()
  const [a, b] = [cluster.add(), cluster.add()]
  cluster.filter = () => false
  for (const node of [a, b]) {
    node.membership.start()
    node.membership.introduce(node === a ? b.id : a.id)
    node.membership.ready()
  }
  return { cluster, a, b }
}

describe('first words', () => {
  it('are said once a period to one who does not answer, for as long as joining may take', () => {
    const cluster = new TestCluster().form(1)
    const node = at(cluster, 0)
    const times = greetingsOf(cluster, node)
    node.membership.introduce('silent')
    cluster.time.advance(120_000)
    expect(times).toHaveLength(1 + CONTACT_TRIES)
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(Math.min(...waits.slice(1))).toBeGreaterThan(0.9 * PROBE_PERIOD)
    expect(Math.max(...waits)).toBeLessThan(1.1 * PROBE_PERIOD)
  })

  it('are said when a link opens, however long that took', () => {
    for (const opensAfter of [3_000, 120_000]) {
      const { cluster, a, b } = strangers()
      cluster.time.advance(opensAfter)
      expect(stateAt(a, b)).toBeUndefined()
      cluster.filter = () => true
      a.membership.opened(b.id)
      expect(cluster.until(() => cluster.agree(), 1_000)).toBeLessThan(1_000)
    }
  })

  it('are said again when those at the opening of a link were lost', () => {
    const { cluster, a, b } = strangers()
    cluster.time.advance(120_000)
    a.membership.opened(b.id)
    cluster.filter = () => true
    expect(cluster.until(() => cluster.agree(), 2 * PROBE_PERIOD)).toBeLessThan(2 * PROBE_PERIOD)
  })

  it('are said to each of the dead in its turn, however many have left', () => {
    const cluster = new TestCluster().form(42)
    const [a, b, c] = [at(cluster, 0), at(cluster, 1), at(cluster, 2)]
    for (const node of cluster.nodes.slice(3)) {
      node.membership.left()
      node.isCrashed = true
    }
    cluster.time.advance(10_000)
    for (const node of [b, c]) node.isCrashed = true
    cluster.until(() => [b, c].every((node) => stateAt(a, node) === 'dead'), 120_000)
    const times = greetingsOf(cluster, a)
    cluster.time.advance(20_000)
    expect(times.length).toBeGreaterThanOrEqual(9)
  })
})
