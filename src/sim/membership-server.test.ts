import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import type { MembershipNode, PageState } from './membership-node.js'
import { MembershipServer } from './membership-server.js'

function world(count: number) {
  const time = new VirtualTime(1)
  const said: string[] = []
  const nodes = Array.from({ length: count }, (_, number) => {
    const id = `n${number}`
    const node: { page: PageState } & Record<string, unknown> = {
      number,
      info: { id, kind: 'tab', weight: 1, host: id },
      page: 'shown',
      runtime: { later: (delay: number, run: () => void) => time.timer(delay, run) },
      membership: {
        introduce: (other: string) => said.push(`${id} hears of ${other}`),
        hint: (gone: string) => said.push(`${id} hears that ${gone} closed`),
      },
    }
    return node as unknown as MembershipNode
  })
  const server = new MembershipServer(time, 1)
  const heard = (): string[] => {
    time.advance(5_000)
    return said.splice(0).sort()
  }
  return { time, nodes, server, heard }
}

describe('the signalling server of a membership world', () => {
  it('introduces who comes to those who are there, and them to it, once', () => {
    const { nodes, server, heard } = world(3)
    for (const node of nodes) server.connect(node)
    for (const node of nodes) server.connect(node)
    const all = ['n0', 'n1', 'n2'].flatMap((one) =>
      ['n0', 'n1', 'n2'].filter((other) => other !== one).map((other) => `${one} hears of ${other}`),
    )
    expect(heard()).toEqual(all)
  })

  it('tells the others when a socket closes, and nothing of a page that it forgets', () => {
    const { nodes, server, heard } = world(3)
    for (const node of nodes) server.connect(node)
    heard()
    const [a, b] = nodes as [MembershipNode, MembershipNode]
    server.forget(a)
    expect(heard()).toEqual([])
    server.socketCloses(b)
    server.socketCloses(a)
    expect(heard()).toEqual(['n2 hears that n1 closed'])
  })

  it('relays between pages that are connected, while it is up', () => {
    const { nodes, server } = world(2)
    const [a, b] = nodes as [MembershipNode, MembershipNode]
    server.connect(a)
    expect(server.relays(a, b)).toBe(false)
    server.connect(b)
    expect(server.relays(a, b)).toBe(true)
    server.down()
    expect(server.relays(a, b)).toBe(false)
  })

  it('takes the pages back after a restart, but for those that are gone', () => {
    const { nodes, server, heard } = world(3)
    for (const node of nodes) server.connect(node)
    heard()
    server.down()
    const [a] = nodes as [MembershipNode]
    a.page = 'gone'
    server.up(nodes)
    expect(heard()).toEqual(['n1 hears of n2', 'n2 hears of n1'])
  })
})
