import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { knockBound, strangersAtOnce } from './constants.js'
import { ProvisionalLinks } from './provisional-links.js'

function provisional() {
  const time = new VirtualTime(1)
  const said: string[] = []
  const direct = new Set<string>()
  const links = new ProvisionalLinks({
    runtime: time.runtime('a'),
    connect: (id) => said.push(`connect ${id}`),
    disconnect: (id, reason) => said.push(`disconnect ${id}: ${reason}`),
    hasDirect: (id) => direct.has(id),
  })
  return { time, said, links, direct }
}

describe('links to peers that are no members', () => {
  it('close for a newcomer whose socket closed and that says nothing', () => {
    const { time, said, links } = provisional()
    links.doubt('b')
    time.advance(14_900)
    expect(said).toEqual([])
    time.advance(200)
    expect(said).toEqual(['disconnect b: closed'])
  })

  it('stay for a newcomer that is introduced again after its socket closed', () => {
    const { time, said, links } = provisional()
    links.doubt('b')
    time.advance(10_000)
    links.introduced('b')
    time.advance(60_000)
    expect(said).toEqual([])
  })

  it('stay for whoever is heard, and close 15 s after its last word', () => {
    const { time, said, links } = provisional()
    links.doubt('b')
    for (let count = 0; count < 5; count++) {
      time.advance(10_000)
      links.heard('b')
    }
    time.advance(14_900)
    expect(said).toEqual([])
    time.advance(200)
    expect(said).toEqual(['disconnect b: closed'])
  })

  it('stay for a newcomer that is heard of only by its direct link, and close when that no longer carries', () => {
    const { time, said, links, direct } = provisional()
    direct.add('b')
    links.doubt('b')
    time.advance(60_000)
    expect(said).toEqual([])
    direct.delete('b')
    time.advance(15_000)
    expect(said).toEqual(['disconnect b: closed'])
    direct.add('b')
    links.knock('b')
    time.advance(15_100)
    expect(said.slice(1)).toEqual(['connect b', 'disconnect b: dead'])
  })

  it('close for a dead peer that was called in vain, and not for one that has come back', () => {
    const { time, said, links } = provisional()
    links.knock('b')
    time.advance(2_000)
    links.knock('b')
    time.advance(13_100)
    expect(said).toEqual(['connect b', 'connect b', 'disconnect b: dead'])
    links.knock('b')
    links.settled('b')
    time.advance(60_000)
    expect(said.slice(3)).toEqual(['connect b'])
  })

  it('are kept to strangers however many newcomers are in doubt: these can stay for ever by a direct link', () => {
    const { time, said, links, direct } = provisional()
    for (let count = 0; count < 2 * strangersAtOnce; count++) {
      direct.add(`${count}`)
      links.doubt(`${count}`)
    }
    time.advance(60_000)
    expect(links.met('stranger')).toBe(true)
    expect(said).toEqual(['connect stranger'])
  })

  it('are kept to so many strangers at once, and to others when these are introduced or silent', () => {
    const { time, links } = provisional()
    for (let count = 0; count < strangersAtOnce; count++) expect(links.met(`${count}`)).toBe(true)
    expect(links.met('one more')).toBe(false)
    links.introduced('0')
    expect([links.met('one more'), links.met('another')]).toEqual([true, false])
    time.advance(knockBound + 100)
    expect(links.met('another')).toBe(true)
  })

  it('are judged by no timer that was late: what came meanwhile is not read yet', () => {
    const { said } = provisional()
    const time = new VirtualTime(2)
    let late: (() => void) | undefined
    const runtime = time.runtime('a')
    const links = new ProvisionalLinks({
      runtime: {
        ...runtime,
        now: () => time.now,
        timer: (_delay, fire) => {
          late = fire
          return { isSet: true, cancel: () => {} }
        },
      } as typeof runtime,
      connect: () => {},
      disconnect: (id) => said.push(id),
      hasDirect: () => false,
    })
    links.doubt('b')
    time.advance(40_000)
    late?.()
    expect(said).toEqual([])
    time.advance(15_000)
    late?.()
    expect(said).toEqual(['b'])
  })
})
