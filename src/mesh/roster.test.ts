import { describe, expect, it } from 'vitest'
import type { LinkKind } from '../links/index.js'
import type { Member as Known } from '../membership/index.js'
import { Roster } from './roster.js'

function known(id: string, differs: Partial<Known> = {}): Known {
  const idle = { incarnation: 0, suspected: false, rtt: undefined, rtt99: undefined }
  return { id, kind: 'tab', weight: 1, host: `host of ${id}`, state: 'alive', ...idle, ...differs }
}

function roster(...peers: Known[]) {
  const links = new Map<string, LinkKind>()
  const seen = new Roster(
    'a',
    { members: () => peers, member: (id) => peers.find((peer) => peer.id === id) },
    { kind: (id) => links.get(id) ?? 'none' },
  )
  return { seen, links }
}

describe('the roster', () => {
  it('has those who are here, and remembers the gone', () => {
    const { seen } = roster(
      known('a'),
      known('b', { state: 'dead' }),
      known('c'),
      known('d', { state: 'left' }),
    )
    expect(seen.members().map(({ id }) => id)).toEqual(['a', 'c'])
    expect(seen.member('b')?.state).toBe('dead')
    expect(seen.member('e')).toBeUndefined()
  })

  it('says how each is linked, and nothing that only membership needs', () => {
    const { seen, links } = roster(known('a', { rtt: 7 }), known('b', { rtt: 12 }), known('c'))
    links.set('b', 'memory')
    const common = { kind: 'tab', weight: 1, state: 'alive' }
    expect(seen.members()).toEqual([
      { id: 'a', host: 'host of a', link: 'self', rtt: 0, ...common },
      { id: 'b', host: 'host of b', link: 'direct', rtt: 12, ...common },
      { id: 'c', host: 'host of c', link: 'none', rtt: undefined, ...common },
    ])
    links.set('b', 'relay')
    expect(seen.member('b')?.link).toBe('relay')
  })

  it('tells every change of a link once', () => {
    const { seen, links } = roster(known('b'))
    expect(seen.linkChange('b')).toBeUndefined()
    links.set('b', 'relay')
    expect(seen.linkChange('b')).toBe('relay')
    expect(seen.linkChange('b')).toBeUndefined()
    links.set('b', 'direct')
    expect(seen.linkChange('b')).toBe('direct')
    links.delete('b')
    expect(seen.linkChange('b')).toBe('none')
    expect(seen.linkChange('b')).toBeUndefined()
  })

  it('tells nothing of the link of a peer that is gone', () => {
    const { seen, links } = roster(known('b'))
    links.set('b', 'direct')
    seen.linkChange('b')
    links.delete('b')
    seen.forgetLink('b')
    expect(seen.linkChange('b')).toBeUndefined()
  })

  it('spreads copies over hosts, with edges as anchors', () => {
    const { seen } = roster(known('b'), known('e', { kind: 'edge' }))
    expect(['b', 'e', 'unknown'].map(seen.spread.domain)).toEqual(['host of b', 'host of e', 'unknown'])
    expect(['b', 'e', 'unknown'].map((id) => seen.spread.anchor?.(id))).toEqual([false, true, false])
  })
})
