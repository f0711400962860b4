import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { greetingBound } from './constants.js'
import { Greeting } from './greeting.js'

function greeting() {
  const time = new VirtualTime(1)
  const over: number[] = []
  const wait = new Greeting(time.runtime('a'), () => over.push(time.now))
  return { time, over, wait }
}

describe('the wait for those who were here first', () => {
  it('is over when each has answered, and only once', () => {
    const { time, over, wait } = greeting()
    wait.begin(['b', 'c'])
    time.advance(100)
    wait.answered('b')
    wait.answered('b')
    wait.answered('stranger')
    expect(over).toEqual([])
    wait.answered('c')
    wait.answered('c')
    time.advance(greetingBound)
    expect(over).toEqual([100])
  })

  it('is over at once in an empty room', () => {
    const { over, wait } = greeting()
    wait.begin([])
    expect(over).toEqual([0])
  })

  it('has a bound, for those who never answer', () => {
    const { time, over, wait } = greeting()
    wait.begin(['b', 'c'])
    wait.answered('b')
    time.advance(greetingBound - 1)
    expect(over).toEqual([])
    time.advance(1)
    wait.answered('c')
    expect(over).toEqual([greetingBound])
  })

  it('is not begun anew by a second welcome, and not ended before the first', () => {
    const { over, wait } = greeting()
    wait.answered('b')
    expect(over).toEqual([])
    wait.begin(['b'])
    wait.begin([])
    expect(over).toEqual([])
    wait.answered('b')
    expect(over).toHaveLength(1)
  })

  it('never ends once it is cancelled', () => {
    const { time, over, wait } = greeting()
    wait.begin(['b'])
    wait.cancel()
    wait.answered('b')
    time.advance(greetingBound)
    expect(over).toEqual([])
  })
})
