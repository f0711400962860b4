import { describe, expect, it } from 'vitest'
import { unpackValue } from '../../wire/index.js'
import type { LinkEvents } from '../link.js'
import { startAskingTurnServer } from '../testing/asking-turn-server.js'
import { nodeRtc } from './node-rtc.js'

function recorded(): LinkEvents & {
  log: string[]
  frames: Uint8Array[]
  seen(entry: string): Promise<void>
  /** Resolves with the first entry. */
  first: Promise<void>
} {
  const log: string[] = []
  const frames: Uint8Array[] = []
  const waiting = new Map<string, () => void>()
  let began = (): void => {}
  const first = new Promise<void>((resolve) => {
    began = resolve
  })
  const note = (entry: string): void => {
    log.push(entry)
    began()
    waiting.get(entry)?.()
  }
  return {
    log,
    frames,
    first,
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
    const linkB = direct('a', false, [], (payload) => linkA.signal(payload), b, 1)
    const linkA = direct('b', true, [], (payload) => linkB.signal(payload), a, 1)
    await Promise.all([a.seen('open'), b.seen('open')])
    linkA.send(Uint8Array.of(1, 2, 3))
    linkB.send(Uint8Array.of(4))
    await Promise.all([a.seen('frame 1'), b.seen('frame 1')])
    expect(b.frames).toEqual([Uint8Array.of(1, 2, 3)])
    expect(a.frames).toEqual([Uint8Array.of(4)])
    linkA.close('enough')
    await Promise.all([a.seen('close enough'), b.seen('close closed by the other end')])
  })

  it('tells a TURN server the whole user and password, whatever characters are in them', async () => {
    const direct = await nodeRtc()
    if (direct === undefined) throw new Error('node-datachannel is not installed')
    // As the signalling server hands them out: the time of expiry and the peer, and a hash in base64.
    const [username, credential] = ['1795906754:tab 1@home', 'qv/3+Zb0Jm2aO1r5xk8w9tS4cQA=']
    const server = await startAskingTurnServer(credential)
    const link = direct('b', true, [{ urls: server.url, username, credential }], () => {}, recorded(), 1)
    try {
      expect(await server.asked).toEqual({ user: username, isProven: true })
    } finally {
      link.close('enough')
      server.stop()
    }
  })

  // Where candidates go ahead of the answer, one connection in four fails and most take a second.
  it('opens at the first dial: no candidate leaves the caller before it has the answer', async () => {
    const direct = await nodeRtc()
    if (direct === undefined) throw new Error('node-datachannel is not installed')
    const ahead: unknown[] = []
    const silent: unknown[] = []
    for (let dial = 0; dial < dials; dial++) {
      const [a, b] = [recorded(), recorded()]
      let isAnswered = false
      const linkB = direct('a', false, [], (payload) => later(() => answered(payload)), b, dial + 1)
      const linkA = direct(
        'b',
        true,
        [],
        (payload) => {
          if (!isAnswered) ahead.push(unpackValue(payload))
          later(() => linkB.signal(payload))
        },
        a,
        dial + 1,
      )
      const answered = (payload: Uint8Array): void => {
        isAnswered ||= (unpackValue(payload) as { type: string }).type === 'answer'
        linkA.signal(payload)
      }
      // 0 to 3 ms for each: what a dial says may arrive in any order.
      const later = (act: () => void): void => void setTimeout(act, (dial + turn++) % 4)
      let turn = 0
      const opened = await within(dialTimeout, Promise.all([a.first, b.first]))
      linkA.close('enough')
      const closed = opened && (await within(dialTimeout, b.seen('close closed by the other end')))
      if (!opened || !closed) silent.push({ dial, opened, closed, a: a.log, b: b.log })
      else expect([a.log, b.log]).toEqual([['open', 'close enough'], expect.arrayContaining(['open'])])
      linkB.close('enough')
    }
    expect(ahead.map((payload) => (payload as { type: string }).type)).toEqual(Array(dials).fill('offer'))
    expect(JSON.stringify(ahead)).not.toContain('a=candidate')
    if (silent.length > 0) console.warn('dials that said nothing within the time-out:', silent)
    expect(silent.length).toBeLessThanOrEqual(1)
  })
})

/**
 * One dial of some 6,000, on a busy machine, left this test waiting without an end: it is not known for which event.
 * The mesh bears such a dial by its time-out, so one is allowed here, and what was heard of it is printed. Where one
 * dial in four fails, 23 of 24 open once in a hundred times.
 */
const dials = 24
/** That of `conversation.ts`, in milliseconds. */
const dialTimeout = 15_000

/** Whether it was settled in time. */
async function within(milliseconds: number, settled: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false)
  })
  try {
    return await Promise.race([settled.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
