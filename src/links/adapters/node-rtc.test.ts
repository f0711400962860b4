import { describe, expect, it } from 'vitest'
import type { LinkEvents } from '../link.js'
import { nodeRtc } from './node-rtc.js'

function recorded(): LinkEvents & {
  log: string[]
  frames: Uint8Array[]
  seen(entry: string): Promise<void>
} {
  const log: string[] = []
  const frames: Uint8Array[] = []
  const waiting = new Map<string, () => void>()
  const note = (entry: string): void => {
    log.push(entry)
    waiting.get(entry)?.()
  }
  return {
    log,
    frames,
    seen: (entry) =>
      log.includes(entry) ? Promise.resolve() : new Promise((resolve) => waiting.set(entry, resolve)),
    open: () => note('open'),
    frame: (bytes) => {
      frames.push(bytes)
      note(`frame ${frames.length}`)
    },
    drain: () => note('drain'),
    trouble: () => note('trouble'),
    close: (reason) => note(`close ${reason}`),
  }
}

describe('rtc in Node', () => {
  it('connects, carries frames both ways, and closes both ends', async () => {
    const direct = await nodeRtc()
    if (direct === undefined) throw new Error('node-datachannel is not installed')
    const a = recorded()
    const b = recorded()
    const linkB = direct('a', false, [], (payload) => linkA.signal(payload), b)
    const linkA = direct('b', true, [], (payload) => linkB.signal(payload), a)
    await Promise.all([a.seen('open'), b.seen('open')])
    linkA.send(Uint8Array.of(1, 2, 3))
    linkB.send(Uint8Array.of(4))
    await Promise.all([a.seen('frame 1'), b.seen('frame 1')])
    expect(b.frames).toEqual([Uint8Array.of(1, 2, 3)])
    expect(a.frames).toEqual([Uint8Array.of(4)])
    linkA.close('enough')
    await Promise.all([a.seen('close enough'), b.seen('close closed by the other end')])
  })
})
