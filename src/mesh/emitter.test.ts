import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import type { Member } from './cluster.js'
import { Emitter } from './emitter.js'

const member: Member = {
  id: 'b',
  kind: 'tab',
  weight: 1,
  host: 'b',
  state: 'alive',
  link: 'direct',
  rtt: undefined,
}

function emitter() {
  const logged: string[] = []
  const runtime = new VirtualTime(1).runtime('a')
  const log = (_level: string, text: string): void => {
    logged.push(text)
  }
  return { emitter: new Emitter({ ...runtime, log }), logged }
}

describe('the events of the cluster', () => {
  it('come to those who listen for them, in the order in which they began to', () => {
    const { emitter: events } = emitter()
    const heard: string[] = []
    events.on('up', ({ id }) => heard.push(`first ${id}`))
    events.on('up', ({ id }) => heard.push(`second ${id}`))
    events.on('down', () => heard.push('down'))
    events.emit('up', member)
    expect(heard).toEqual(['first b', 'second b'])
  })

  it('come twice to a function that listens twice, and each is taken back by itself', () => {
    const { emitter: events } = emitter()
    let count = 0
    const listener = (): void => {
      count++
    }
    const off = events.on('change', listener)
    events.on('change', listener)
    events.emit('change', member)
    expect(count).toBe(2)
    off()
    off()
    events.emit('change', member)
    expect(count).toBe(3)
  })

  it('go on to the others when a listener throws, which is logged', () => {
    const { emitter: events, logged } = emitter()
    let heard = 0
    events.on('up', () => {
      throw new Error('broken')
    })
    events.on('up', () => heard++)
    events.emit('up', member)
    expect(heard).toBe(1)
    expect(logged).toEqual(["a listener of 'up' threw"])
  })

  it('do not come to who begins to listen while they are told', () => {
    const { emitter: events } = emitter()
    let late = 0
    events.on('up', () => events.on('up', () => late++))
    events.emit('up', member)
    expect(late).toBe(0)
    events.emit('up', member)
    expect(late).toBe(1)
  })
})
