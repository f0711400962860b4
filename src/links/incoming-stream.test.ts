import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { IncomingStream } from './incoming-stream.js'
import { sessionSettings as settings } from './session-settings.js'

const { acknowledgeFrames, acknowledgeMostFrames, acknowledgePause, shortFrameBytes } = settings

/** How many of a row of frames are acknowledged at once, one of which comes every `pause` milliseconds. */
function acknowledgements(frames: number, bytes: number, pause: number): number {
  const time = new VirtualTime()
  let count = 0
  const stream: IncomingStream = new IncomingStream(time.runtime('receiver'), {
    deliver: () => {},
    acknowledge: () => {
      count++
      stream.reported()
    },
  })
  time.advance(1_000)
  for (let number = 0; number < frames; number++) {
    stream.takeMessages(number, [new Uint8Array(bytes)])
    time.advance(pause)
  }
  return count
}

describe('what came is acknowledged', () => {
  it('at once where a frame is as long as bulk beside urgent messages gets', () => {
    expect(acknowledgements(12, shortFrameBytes, 1)).toBe(12)
  })

  it('with every second long frame, and every fourth where they come fast: as many are under way', () => {
    const slow = acknowledgePause / acknowledgeFrames
    expect(acknowledgements(120, 50_000, slow)).toBe(120 / acknowledgeFrames)
    // The first is not soon after another.
    const first = acknowledgeMostFrames - acknowledgeFrames
    expect(acknowledgements(120 - first, 50_000, 0.1)).toBe(120 / acknowledgeMostFrames)
    expect(acknowledgeMostFrames * settings.frameShare).toBeLessThanOrEqual(1)
  })

  it('a little later where nothing follows', () => {
    expect(acknowledgements(1, 50_000, settings.acknowledgeDelay / 2)).toBe(0)
    expect(acknowledgements(1, 50_000, settings.acknowledgeDelay * 2)).toBe(1)
  })

  it('at once where it comes again, as the timer of a hidden page may be a minute late; of a row of them once', () => {
    const time = new VirtualTime()
    const runtime = time.runtime('receiver')
    const hidden = {
      ...runtime,
      timer: (delay: number, fire: () => void) => runtime.timer(delay + 60_000, fire),
    }
    const acknowledged: number[] = []
    const stream: IncomingStream = new IncomingStream(hidden, {
      deliver: () => {},
      acknowledge: () => {
        acknowledged.push(stream.received)
        stream.reported()
      },
    })
    time.advance(1_000)
    const message = new Uint8Array(100)
    for (const number of [0, 1, 2]) stream.takeMessages(number, [message])
    expect(acknowledged).toEqual([])
    time.advance(settings.overdue)
    for (const number of [0, 1, 2]) stream.takeMessages(number, [message])
    expect(acknowledged).toEqual([3])
  })
})
