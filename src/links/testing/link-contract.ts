import { afterEach, describe, expect, it } from 'vitest'
import { limits } from '../../wire/index.js'
import type { Link, LinkEvents } from '../link.js'

/** The events of a link, written down, that can be waited for. */
export class Recorder implements LinkEvents {
  readonly log: string[] = []
  readonly frames: Uint8Array[] = []
  /** Set while a link's method runs: no event may come then. */
  isInside = false

  open(): void {
    this.#note('open')
  }

  frame(bytes: Uint8Array): void {
    this.frames.push(bytes)
    this.#note('frame')
  }

  drain(): void {
    this.#note('drain')
  }

  trouble(): void {
    this.#note('trouble')
  }

  close(reason: string): void {
    this.#note(`close ${reason}`)
  }

  saw(condition: (recorder: Recorder) => boolean): Promise<void> {
    return expect.poll(() => condition(this), { timeout: 20_000, interval: 5 }).toBe(true)
  }

  count(entry: string): number {
    return this.log.filter((line) => line.startsWith(entry)).length
  }

  #note(entry: string): void {
    this.log.push(this.isInside ? `inside a call: ${entry}` : entry)
  }
}

/** Two ends of one link, that report to `a` and `b`. */
export interface LinkPair {
  readonly a: Link
  readonly b: Link
  stop(): void
}

/**
 * What every kind of link promises, as a suite.
 *
 * @param closesBoth - whether the far end of a link learns that this one closed: not by relay, where
 * the session says so
 */
export function linkContract(
  name: string,
  open: (a: Recorder, b: Recorder) => Promise<LinkPair>,
  { closesBoth = true } = {},
): void {
  describe(`a link by ${name}`, { timeout: 30_000 }, () => {
    const toStop: LinkPair[] = []
    afterEach(() => {
      for (const pair of toStop.splice(0)) pair.stop()
    })

    async function opened(): Promise<{ a: Link; b: Link; atA: Recorder; atB: Recorder }> {
      const atA = new Recorder()
      const atB = new Recorder()
      const pair = await open(atA, atB)
      toStop.push(pair)
      await atA.saw(({ log }) => log.includes('open'))
      await atB.saw(({ log }) => log.includes('open'))
      return { ...pair, atA, atB }
    }

    function send(link: Link, recorder: Recorder, frame: Uint8Array): void {
      recorder.isInside = true
      link.send(frame)
      recorder.isInside = false
    }

    it('opens once at both ends', async () => {
      const { atA, atB } = await opened()
      expect(atA.log).toEqual(['open'])
      expect(atB.log).toEqual(['open'])
    })

    it('carries frames whole and in order, both ways', async () => {
      const { a, b, atA, atB } = await opened()
      for (let number = 0; number < 200; number++) {
        send(a, atA, Uint8Array.of(number, 1))
        send(b, atB, Uint8Array.of(number, 2, 2))
      }
      await atA.saw(({ frames }) => frames.length >= 200)
      await atB.saw(({ frames }) => frames.length >= 200)
      expect(atB.frames).toEqual(Array.from({ length: 200 }, (_, number) => Uint8Array.of(number, 1)))
      expect(atA.frames).toEqual(Array.from({ length: 200 }, (_, number) => Uint8Array.of(number, 2, 2)))
    })

    it('carries an empty frame, and one as long as frames get', async () => {
      const { a, atA, atB } = await opened()
      expect(a.largestFrame).toBeGreaterThanOrEqual(limits.frameBytes)
      const long = Uint8Array.from({ length: limits.frameBytes }, (_, index) => index % 251)
      send(a, atA, new Uint8Array(0))
      send(a, atA, long)
      await atB.saw(({ frames }) => frames.length >= 2)
      expect(atB.frames[0]).toHaveLength(0)
      expect(Buffer.compare(atB.frames[1] ?? new Uint8Array(0), long)).toBe(0)
    })

    it('keeps no hold on the frame it was given', async () => {
      const { a, atA, atB } = await opened()
      const frame = Uint8Array.of(1, 2, 3)
      send(a, atA, frame)
      if (a.copiesFrames) frame.fill(9)
      await atB.saw(({ frames }) => frames.length === 1)
      frame.fill(9)
      expect(atB.frames[0]).toEqual(Uint8Array.of(1, 2, 3))
    })

    it('tells when what was buffered has left', async () => {
      const { a, atA, atB } = await opened()
      for (let count = 0; count < 40; count++) send(a, atA, new Uint8Array(16_384))
      a.awaitDrain?.()
      if (a.buffered > 0) await atA.saw(({ log }) => log.includes('drain'))
      await atB.saw(({ frames }) => frames.length === 40)
      await expect.poll(() => a.buffered, { timeout: 10_000 }).toBe(0)
      expect(atA.count('inside')).toBe(0)
    })

    it('closes once, with its reason, and drops what is sent after', async () => {
      const { a, atA, b, atB } = await opened()
      atA.isInside = true
      a.close('enough')
      a.close('again')
      a.send(Uint8Array.of(1))
      atA.isInside = false
      await atA.saw(({ log }) => log.includes('close enough'))
      if (closesBoth) {
        await atB.saw((recorder) => recorder.count('close') === 1)
        b.send(Uint8Array.of(1))
        b.close('me too')
      }
      expect(atA.log).toEqual(['open', 'close enough'])
      expect(atB.frames).toEqual([])
    })
  })
}
