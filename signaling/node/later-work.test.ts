import { expect, it } from 'vitest'
import { systemRuntime } from '../../src/runtime/index.js'
import { LaterWork } from './later-work.js'

/** The same clock, on which a piece of work takes a millisecond, or as long as is said. */
function slow({ isShared = false, milliseconds = 1 } = {}): {
  later: LaterWork
  done: number[]
  work: (n: number) => { workOn(): void }
} {
  let now = 0
  const done: number[] = []
  return {
    later: new LaterWork({ ...systemRuntime(), now: () => now }, { isShared }),
    done,
    work: (n) => ({
      workOn: () => {
        now += milliseconds
        done.push(n)
      },
    }),
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('is done in order, and no more of it in a turn than there is time for', async () => {
  const { later, done, work } = slow()
  for (let n = 0; n < 5; n++) later.add(work(n))
  expect(done).toEqual([])
  for (let turns = 1; turns <= 5; turns++) {
    await turn()
    expect(done).toEqual([0, 1, 2, 3, 4].slice(0, turns))
  }
})

it('is less in a turn that others want to be in too', async () => {
  const doneInTurn = async (isShared: boolean): Promise<number> => {
    const { later, done, work } = slow({ isShared, milliseconds: 0.015 })
    for (let n = 0; n < 20; n++) later.add(work(n))
    await turn()
    return done.length
  }
  expect(await doneInTurn(true)).toBeLessThan(await doneInTurn(false))
})

it('is not done for somebody who is gone', async () => {
  const { later, done, work } = slow()
  const [gone, there] = [work(0), work(1)]
  later.add(gone)
  later.add(there)
  later.remove(gone)
  await turn()
  expect(done).toEqual([1])
})

it('is done at once where there is time left in the turn and nobody in line', async () => {
  const { later, done, work } = slow()
  for (let n = 0; n < 3; n++) later.soon(work(n))
  expect(done).toEqual([0])
  later.add(work(3))
  for (let turns = 2; turns <= 4; turns++) {
    await turn()
    expect(done).toEqual([0, 1, 2, 3].slice(0, turns))
  }
  await turn()
  later.soon(work(4))
  expect(done).toEqual([0, 1, 2, 3, 4])
})
