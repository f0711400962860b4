import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { announcedAtOnce, announcedPatience, announcedWaiting } from './constants.js'
import { Introductions } from './introductions.js'

function introductions() {
  const time = new VirtualTime(1)
  const open = new Set<string>()
  const order: string[] = []
  const announced = new Introductions({
    runtime: time.runtime('a'),
    open: (id) => {
      open.add(id)
      order.push(id)
    },
    close: (id) => open.delete(id),
  })
  const announce = (prefix: string, count: number): void => {
    for (let number = 0; number < count; number++) announced.announce(`${prefix}-${number}`)
  }
  return { time, open, order, announced, announce }
}

describe('peers that the server announces', () => {
  it('are all approached at once where a room of the usual size is whole', () => {
    const { announce, open, announced } = introductions()
    announce('peer', announcedAtOnce)
    expect(open.size).toBe(announcedAtOnce)
    expect(announced.stats()).toEqual({ open: announcedAtOnce, waiting: 0, dropped: 0 })
  })

  it('have their turn in a room of twice that size, as soon as those before them have answered', () => {
    const { announce, open, order, announced } = introductions()
    announce('peer', 2 * announcedAtOnce)
    expect(open.size).toBe(announcedAtOnce)
    for (let number = 0; number < 2 * announcedAtOnce; number++) announced.settled(`peer-${number}`)
    expect(order).toHaveLength(2 * announcedAtOnce)
    expect(announced.stats()).toEqual({ open: 0, waiting: 0, dropped: 0 })
  })

  it('are dropped and counted where too many wait, and never hold more than their places', () => {
    const { announce, open, announced } = introductions()
    announce('ghost', announcedAtOnce + announcedWaiting + 1_000)
    expect(open.size).toBe(announcedAtOnce)
    expect(announced.stats()).toEqual({ open: announcedAtOnce, waiting: announcedWaiting, dropped: 1_000 })
  })

  it('give up their places in silence while others wait, and not before that', () => {
    const { time, announce, open, order, announced } = introductions()
    announce('silent', announcedAtOnce)
    time.advance(10 * announcedPatience)
    expect(open.size).toBe(announcedAtOnce)
    announced.announce('real')
    expect(open.has('real')).toBe(true)
    expect(open.size).toBe(announcedAtOnce)
    expect(order.filter((id) => id.startsWith('silent'))).toHaveLength(announcedAtOnce)
    announce('other', 10)
    for (const id of open) if (id.startsWith('other')) announced.heard(id)
    const had = new Set<string>(order)
    time.advance(2 * announcedPatience)
    for (const id of order) had.add(id)
    expect([...had].filter((id) => id.startsWith('other'))).toHaveLength(10)
    expect(open.size).toBe(announcedAtOnce)
  })

  it('keep their places for as long as they are heard', () => {
    const { time, announce, open, order, announced } = introductions()
    announce('ghost', announcedAtOnce - 1)
    announced.announce('slow')
    announce('next', 2 * announcedAtOnce)
    for (let count = 0; count < 10; count++) {
      time.advance(announcedPatience - 100)
      announced.heard('slow')
      expect(open.has('slow')).toBe(true)
      expect(open.size).toBe(announcedAtOnce)
    }
    time.advance(announcedPatience)
    expect(open.size).toBe(announcedAtOnce)
    expect(order.filter((id) => id === 'slow')).toHaveLength(1)
  })

  it('wait no longer once the server takes its word back, and hold their places until their links close', () => {
    const { announce, open, announced } = introductions()
    announce('ghost', announcedAtOnce + 1)
    expect(announced.withdrawn('ghost-0')).toBe(true)
    expect(open.size).toBe(announcedAtOnce)
    expect(announced.withdrawn(`ghost-${announcedAtOnce}`)).toBe(false)
    expect(announced.withdrawn('nobody')).toBe(false)
    expect(announced.stats()).toEqual({ open: announcedAtOnce, waiting: 0, dropped: 0 })
  })

  it('are approached again, once and in their old place, when the server says again that they are here', () => {
    const { announce, order, announced } = introductions()
    announce('peer', announcedAtOnce + 1)
    announce('peer', announcedAtOnce + 1)
    expect(order).toHaveLength(2 * announcedAtOnce)
    expect(announced.stats()).toEqual({ open: announcedAtOnce, waiting: 1, dropped: 0 })
  })

  it('are left as they are when the mesh has closed', () => {
    const { time, announce, open, announced } = introductions()
    announce('peer', announcedAtOnce + 1)
    announced.close()
    time.advance(10 * announcedPatience)
    expect(open.has('peer-0')).toBe(true)
    expect(time.pending).toBe(0)
  })
})
