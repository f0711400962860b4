import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { Stage } from './stages.js'

function stage(...delays: number[]) {
  const time = new VirtualTime()
  const stage = new Stage()
  for (const delay of delays) stage.add((done) => time.timer(delay, done))
  const finished: [at: number, late: number][] = []
  stage.run(time.runtime(), 1000, (late) => finished.push([time.now, late]))
  time.advance(5000)
  return finished
}

/** What comes of a stage whose others are spared after 100 ms. */
function spared(time: VirtualTime, stage: Stage) {
  const finished: [at: number, late: number][] = []
  const spare = stage.run(time.runtime(), 1000, (late) => finished.push([time.now, late]))
  time.advance(100)
  spare()
  time.advance(5000)
  return finished
}

describe('Stage', () => {
  it('is finished when the last work is', () => expect(stage(10, 300, 20)).toEqual([[300, 0]]))
  it('is finished at once without work', () => expect(stage()).toEqual([[0, 0]]))
  it('waits no longer than its bound, and says how many were late', () =>
    expect(stage(10, 4000, 2000)).toEqual([[1000, 2]]))

  it('waits, once the others are spared, for those alone that may not be', () => {
    const time = new VirtualTime()
    const stage = new Stage()
    stage.add((done) => time.timer(200, done))
    stage.add((done) => time.timer(400, done), true)
    stage.add(() => {}, true)
    expect(spared(time, stage)).toEqual([[200, 0]])
  })

  it('is finished at once where all that is left is spared', () => {
    const time = new VirtualTime()
    const stage = new Stage()
    stage.add((done) => time.timer(50, done))
    stage.add(() => {}, true)
    expect(spared(time, stage)).toEqual([[100, 0]])
  })
})
