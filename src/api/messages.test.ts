import { describe, expect, it } from 'vitest'
import type { Cluster, ClusterEvents, Member } from '../mesh/index.js'
import { type Message, type PeerId, packValue } from '../wire/index.js'
import { Messages } from './messages.js'

/** A cluster of `a`, which is this peer, with `b` and `c`, whose queues are full as the test says. */
function rig() {
  const full = new Set<PeerId>()
  const sent: [PeerId, Message][] = []
  const logged: string[] = []
  const receivers = new Map<string, (message: Message, from: PeerId) => void>()
  let down: ClusterEvents['down'] = () => {}
  const members = ['a', 'b', 'c'].map((id) => ({ id, state: 'alive' }) as unknown as Member)
  const cluster = {
    self: 'a',
    runtime: { log: (_level: string, text: string) => logged.push(text) },
    members: () => members,
    member: (id: PeerId) => members.find((member) => member.id === id),
    send: (to: PeerId, message: Message) => {
      if (full.has(to)) return false
      sent.push([to, message])
      return true
    },
    receive: (type: string, handler: (message: Message, from: PeerId) => void) => {
      receivers.set(type, handler)
      return () => {}
    },
    on: (_event: string, listener: ClusterEvents['down']) => {
      down = listener
      return () => {}
    },
  } as unknown as Cluster
  const messages = new Messages(cluster)
  return {
    messages,
    full,
    sent,
    logged,
    lose: (id: PeerId) => down({ id } as Member),
    receive: (value: unknown, from: PeerId) =>
      receivers.get('mesh.user')?.({ type: 'mesh.user', body: packValue(value) }, from),
  }
}

const failure = (settled: Promise<void> | undefined): Promise<string> =>
  Promise.resolve(settled).then(
    () => 'sent',
    (error: Error) => error.name,
  )

describe('messages', () => {
  it('are sent at once while there is room, and wait in order while there is none', async () => {
    const { messages, full, sent } = rig()
    expect(messages.send('b', 1)).toBeUndefined()
    full.add('b')
    const waits = [messages.send('b', 2), messages.send('b', 3)]
    full.delete('b')
    // Whatever comes later does not overtake what waits.
    waits.push(messages.send('b', 4))
    expect(sent).toHaveLength(1)
    messages.drained('b')
    await Promise.all(waits)
    expect(sent.map(([, message]) => message)).toEqual(
      [1, 2, 3, 4].map((value) => ({ type: 'mesh.user', body: packValue(value) })),
    )
  })

  it('that wait are refused when their peer goes', async () => {
    const { messages, full, lose } = rig()
    full.add('b')
    const wait = messages.send('b', 1)
    lose('b')
    expect(await failure(wait)).toBe('UnknownPeer')
  })

  it('that wait are refused when the mesh is left, and no more are taken', async () => {
    const { messages, full } = rig()
    full.add('b')
    const wait = messages.send('b', 1)
    messages.close()
    expect(await failure(wait)).toBe('Closed')
    expect(() => messages.send('b', 2)).toThrow(expect.objectContaining({ name: 'Closed' }))
    expect(() => messages.broadcast(2)).toThrow(expect.objectContaining({ name: 'Closed' }))
  })

  it('to all go to all or to none', () => {
    const { messages, full, sent } = rig()
    full.add('c')
    for (let count = 0; count < 1024; count++) void messages.send('c', count)?.catch(() => {})
    expect(() => messages.broadcast('to all')).toThrow(expect.objectContaining({ name: 'QueueFull' }))
    expect(sent).toEqual([])
    messages.close()
  })

  it('reach every listener, also when one of them throws', () => {
    const { messages, receive, logged } = rig()
    const got: unknown[] = []
    messages.on(() => {
      throw new Error('on request')
    })
    const stop = messages.on((message, from) => got.push([message, from]))
    receive({ hello: 1n }, 'b')
    stop()
    receive('unheard', 'b')
    expect(got).toEqual([[{ hello: 1n }, 'b']])
    expect(logged).toHaveLength(2)
  })
})
