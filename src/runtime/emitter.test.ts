import { describe, expect, it } from 'vitest'
import { Emitter } from './emitter.js'

interface Events {
  up(peer: string): void
  down(peer: string): void
}

function emitter() {
  const logged: string[] = []
  const events = new Emitter<Events>({ log: (_level, text) => logged.push(text) })
  return { events, logged }
}

describe('an emitter', () => {
  it('tells those who listen to the event, in the order in which they began to', () => {
    const { events } = emitter()
    const heard: string[] = []
    events.on('up', (peer) => heard.push(`first ${peer}`))
    events.on('up', (peer) => heard.push(`second ${peer}`))
    events.on('down', () => heard.push('down'))
    events.emit('up', 'b')
    expect(heard).toEqual(['first b', 'second b'])
  })

  it('tells a function twice that listens twice, and each is taken back by itself', () => {
    const { events } = emitter()
    let count = 0
    const listener = (): void => {
      count++
    }
    const off = events.on('up', listener)
    events.on('up', listener)
    events.emit('up', 'b')
    expect(count).toBe(2)
    off()
    off()
    events.emit('up', 'b')
    expect(count).toBe(3)
  })

  it('goes on to the others when a listener throws, which is logged', () => {
    const { events, logged } = emitter()
    let heard = 0
    events.on('up', () => {
      throw new Error('broken')
    })
    events.on('up', () => heard++)
    events.emit('up', 'b')
    expect(heard).toBe(1)
    expect(logged).toEqual(["a listener of 'up' threw"])
  })

  it('tells nobody who begins to listen meanwhile, nor without a listener at all', () => {
    const { events } = emitter()
    let late = 0
    events.emit('up', 'b')
    events.on('up', () => events.on('up', () => late++))
    events.emit('up', 'b')
    expect(late).toBe(0)
    events.emit('up', 'b')
    expect(late).toBe(1)
  })
})
