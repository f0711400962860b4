import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { alonePatience, goodbyeFlush, greetingBound, joiningBound, leavingBound } from './constants.js'
import { Lifecycle } from './lifecycle.js'

function life() {
  const time = new VirtualTime(1)
  const said: string[] = []
  const world = { othersStay: true, lastDeath: Number.NEGATIVE_INFINITY }
  const say = (what: string) => () => {
    said.push(what)
  }
  const lifecycle = new Lifecycle({
    runtime: { ...time.runtime('a'), log: (_level, text) => said.push(text) },
    membership: {
      ready: say('ready'),
      park: say('park'),
      unpark: say('unpark'),
      leaving: say('leaving'),
      left: say('left'),
    },
    othersStay: () => world.othersStay,
    lastDeath: () => world.lastDeath,
    joined: say('joined'),
    closed: say('closed'),
  })
  const joined = (): void => {
    lifecycle.start()
    lifecycle.welcomed([])
    time.advance(0)
    expect(said.splice(0)).toEqual(['ready', 'joined'])
  }
  return { time, said, world, lifecycle, joined }
}

describe('the life of a peer', () => {
  it('begins with a greeting, goes on when the rooms have caught up, and only then is it alive', () => {
    const { said, lifecycle } = life()
    let caughtUp = (): void => {}
    lifecycle.onJoining((done) => {
      said.push('pull')
      caughtUp = done
    })
    lifecycle.start()
    lifecycle.welcomed(['b'])
    expect(said).toEqual([])
    lifecycle.greeted('b')
    expect(said).toEqual(['pull'])
    caughtUp()
    expect(said).toEqual(['pull', 'ready', 'joined'])
  })

  it('waits neither for a silent peer nor for a slow room longer than their bounds', () => {
    const { time, said, lifecycle } = life()
    lifecycle.onJoining(() => said.push('pull'))
    lifecycle.start()
    lifecycle.welcomed(['b'])
    time.advance(greetingBound)
    expect(said).toEqual(['pull'])
    time.advance(joiningBound)
    expect(said).toEqual(['pull', 'joined before 1 rooms had caught up', 'ready', 'joined'])
  })

  it('parks at once when it has joined, and is parked as it joins where the page was hidden before', () => {
    const { said, lifecycle, joined } = life()
    joined()
    lifecycle.park()
    lifecycle.unpark()
    expect(said).toEqual(['park', 'unpark'])
    const hidden = life()
    hidden.lifecycle.park()
    hidden.lifecycle.start()
    hidden.lifecycle.welcomed([])
    hidden.time.advance(0)
    expect(hidden.said).toEqual(['ready', 'park', 'joined'])
  })

  it('ends when all is handed over, with a goodbye and time for it to go out', () => {
    const { time, said, lifecycle, joined } = life()
    joined()
    let handedOver = (): void => {}
    lifecycle.onLeaving((done) => {
      handedOver = done
    })
    lifecycle.leave(() => said.push('gone'))
    expect(said).toEqual(['leaving'])
    handedOver()
    expect(said).toEqual(['leaving', 'left', 'closed'])
    expect(lifecycle.hasGone).toBe(true)
    time.advance(goodbyeFlush)
    expect(said).toEqual(['leaving', 'left', 'closed', 'gone'])
  })

  it('ends though a room does not hand over in time', () => {
    const { time, said, lifecycle, joined } = life()
    joined()
    lifecycle.onLeaving(() => {})
    lifecycle.leave(() => {})
    time.advance(leavingBound)
    expect(said).toEqual(['leaving', 'left before 1 rooms had handed over', 'left', 'closed'])
  })

  it('waits for nobody where nobody stays, but for a verdict of death that may be taken back', () => {
    const { time, said, world, lifecycle, joined } = life()
    joined()
    time.advance(60_000)
    lifecycle.onLeaving(() => {})
    lifecycle.leave(() => {})
    world.othersStay = false
    world.lastDeath = time.now
    lifecycle.stopIfAlone()
    time.advance(alonePatience - 1)
    expect(said).toEqual(['leaving'])
    time.advance(1)
    expect(said).toEqual(['leaving', 'left', 'closed'])
  })

  it('may end in any stage, and nothing comes after that', () => {
    const { time, said, lifecycle } = life()
    lifecycle.onJoining(() => said.push('pull'))
    lifecycle.start()
    lifecycle.welcomed(['b'])
    lifecycle.goodbye()
    lifecycle.goodbye()
    lifecycle.greeted('b')
    lifecycle.park()
    time.advance(greetingBound)
    expect(said).toEqual(['left', 'closed'])
    lifecycle.leave(() => said.push('gone'))
    time.advance(0)
    expect(said).toEqual(['left', 'closed', 'gone'])
  })

  it('does not become alive once it leaves', () => {
    const { time, said, lifecycle } = life()
    let caughtUp = (): void => {}
    lifecycle.onJoining((done) => {
      caughtUp = done
    })
    lifecycle.onLeaving(() => {})
    lifecycle.start()
    lifecycle.welcomed([])
    lifecycle.leave(() => {})
    caughtUp()
    time.advance(joiningBound)
    expect(said).not.toContain('ready')
    expect(said).not.toContain('joined')
  })
})
