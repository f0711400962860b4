import { describe, expect, it } from 'vitest'
import { GossipQueue } from './gossip-queue.js'
import { Peer } from './peer.js'
import { ALIVE } from './standing.js'

const peer = (id: string) => new Peer({ id, kind: 'tab', weight: 1, host: id }, 0, ALIVE)

describe('GossipQueue', () => {
  it('sends a piece of news 4·⌈log10(N+1)⌉ times', () => {
    for (const [size, sends] of [
      [1, 4],
      [9, 4],
      [10, 8],
      [99, 8],
      [100, 12],
    ] as const) {
      const queue = new GossipQueue()
      queue.add(peer('a'), size)
      let count = 0
      while (!queue.isEmpty) count += queue.take(8).length
      expect(count).toBe(sends)
    }
  })

  it('gives every piece its turn when there are more than fit', () => {
    const queue = new GossipQueue()
    const peers = Array.from({ length: 20 }, (_, index) => peer(`p${index}`))
    for (const each of peers) queue.add(each, 10, true)
    const counts = new Map<string, number>()
    for (let message = 0; message < 5; message++) {
      const news = queue.take(8)
      expect(new Set(news.map(([id]) => id)).size).toBe(news.length)
      for (const [id] of news) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual(new Array(20).fill(2))
    expect(queue.isEmpty).toBe(true)
  })

  it('sends what is believed now, and nothing of a peer that was taken out', () => {
    const queue = new GossipQueue()
    const [a, b] = [peer('a'), peer('b')]
    queue.add(a, 10)
    queue.add(b, 10)
    a.incarnation = 7
    a.changed()
    queue.remove(b)
    queue.remove(b)
    expect(queue.take(8)).toEqual([['a', 7, ALIVE, 0, 1, 'a']])
    queue.clear()
    expect(queue.take(8)).toEqual([])
  })
})
