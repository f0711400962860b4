import { describe, expect, it } from 'vitest'
import { TestCluster } from './testing/cluster.js'

describe('a cluster that forms', () => {
  for (const size of [1, 2, 3, 8, 9, 30]) {
    it(`agrees at ${size}`, () => {
      const cluster = new TestCluster().form(size)
      cluster.time.advance(120_000)
      expect(cluster.agree()).toBe(true)
      for (const node of cluster.nodes) {
        expect(node.membership.digest).toBe(cluster.nodes[0]?.membership.digest)
      }
    })
  }
})
