import { afterEach, describe, expect, it } from 'vitest'
import type { StartSignalOptions } from './server.js'
import { RawPeer } from './testing/raw-peer.js'
import { StartedServers } from './testing/started-servers.js'

const servers = new StartedServers()
const start = (options?: StartSignalOptions) => servers.start(options)
afterEach(() => servers.close())

describe('limits while it runs', () => {
  it('slows a sender down that is over its rate, and loses nothing', async () => {
    const { url, tally } = await start({ limits: { framesPerSecond: 200 } })
    const a = await RawPeer.join(url, 'room', 'a')
    const b = await RawPeer.join(url, 'room', 'b')
    const before = performance.now()
    for (let n = 0; n < 600; n++) a.send({ type: 'signal.relay', to: 'b', frame: new Uint8Array([n & 255]) })
    for (let n = 0; n < 600; n++) expect((await b.next('signal.relayed')).frame[0]).toBe(n & 255)
    await a.settled()
    expect(performance.now() - before).toBeGreaterThan(500)
    expect(tally.throttledByFrames).toBeGreaterThan(0)
  })

  it('cuts off a peer that does not read, and nobody else', async () => {
    const { url, tally } = await start({
      limits: { bufferedBytes: 256 * 1024, bytesPerSecond: 2 ** 30, relayBytesPerSecond: 2 ** 30 },
    })
    const a = await RawPeer.join(url, 'room', 'a')
    const slow = await RawPeer.join(url, 'room', 'slow')
    slow.socket.pause()
    let gone = false
    const hint = a.next('signal.closed').then(() => {
      gone = true
    })
    while (!gone) {
      a.send({ type: 'signal.relay', to: 'slow', frame: new Uint8Array(60_000) })
      await a.settled()
    }
    await hint
    expect(tally.slowConsumers).toBe(1)
    slow.kill()
  })

  it('cuts off a socket that has fallen silent, but not one that answers pings', async () => {
    const { url, tally } = await start({ limits: { idleMilliseconds: 1_500 } })
    const a = await RawPeer.join(url, 'room', 'a')
    const frozen = await RawPeer.join(url, 'room', 'frozen')
    frozen.socket.pause()
    expect(await a.next('signal.closed')).toMatchObject({ peer: 'frozen' })
    await a.settled()
    expect(tally.idle).toBe(1)
    frozen.kill()
  })
})
