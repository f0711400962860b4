import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeMessage } from '../../src/wire/index.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from '../server.js'
import { RawPeer } from '../testing/raw-peer.js'
import { joinRequest } from '../testing/raw-request.js'
import { shared } from './reading-turns.js'

/** More than any of these tests sends. */
const unlimited = 1_000_000_000

const servers: SignalServer[] = []
const sockets: Socket[] = []

async function start(limits: NonNullable<StartSignalOptions['limits']> = {}): Promise<SignalServer> {
  const server = await startSignalServer({
    port: 0,
    log: () => {},
    limits: { framesPerSecond: unlimited, framesPerSecondPerAddress: unlimited, ...limits },
  })
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** A peer on a bare socket, from another address than the other peers of the test have. */
function dial({ port }: SignalServer, id: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  socket.on('error', () => {})
  socket.resume()
  socket.write(joinRequest(id, 'crowd'))
  sockets.push(socket)
  return socket
}

/** A client's short frame, masked with zeros. */
function frame(opcode: number, payload: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([Buffer.from([opcode, 0x80 | payload.byteLength, 0, 0, 0, 0]), payload])
}

/** Many of a frame, for one write. */
const many = (count: number, of: Buffer): Buffer => Buffer.concat(Array<Buffer>(count).fill(of))

const relay = (to: string): Buffer =>
  frame(0x82, encodeMessage({ type: 'signal.relay', to, frame: new Uint8Array(1) }))

/** The most that a count grew by in one turn of the event loop, until `done`. */
async function mostInOneTurn(count: () => number, done: () => boolean): Promise<number> {
  let most = 0
  let before = count()
  while (!done()) {
    await new Promise((resolve) => setImmediate(resolve))
    most = Math.max(most, count() - before)
    before = count()
  }
  return most
}

describe('an address', () => {
  it('has no more frames read in one turn than its share, however many sockets and however long their bursts', async () => {
    const server = await start()
    const other = await RawPeer.join(server.url, 'quiet', 'a')
    let isOver = false
    const talk = (async () => {
      while (!isOver) await other.settled()
    })()
    const crowd = Array.from({ length: 20 }, (_, n) => dial(server, `peer-${n}`))
    await expect.poll(() => server.tally.joins).toBe(21)
    const each = 2_000
    crowd.forEach((socket, n) => {
      socket.write(many(each, relay(`peer-${n}`)))
    })
    const { tally } = server
    const most = await mostInOneTurn(
      () => tally.relayFrames,
      () => tally.relayFrames >= 20 * each,
    )
    isOver = true
    await talk
    // The phase that reads sockets and the one of those who stood in line have a share each.
    expect(most).toBeLessThanOrEqual(2 * shared.frames)
    expect(tally.relayFrames).toBe(20 * each)
  })

  it('that alone has anything to say is read in longer goes', async () => {
    const server = await start()
    const crowd = Array.from({ length: 20 }, (_, n) => dial(server, `peer-${n}`))
    await expect.poll(() => server.tally.joins).toBe(20)
    crowd.forEach((socket, n) => {
      socket.write(many(200, relay(`peer-${n}`)))
    })
    const { tally } = server
    const most = await mostInOneTurn(
      () => tally.relayFrames,
      () => tally.relayFrames >= 4_000,
    )
    expect(most).toBeGreaterThan(4 * shared.frames)
  })

  it.each<[string, Buffer]>([
    ['pings', frame(0x89)],
    [
      'parts of messages',
      Buffer.concat([frame(0x02), many(50, frame(0x00)), frame(0x82)]).subarray(0, 51 * 6),
    ],
  ])('is not read while it is over its rate, and others are: %s', async (_what, flood) => {
    const server = await start({ framesPerSecondPerAddress: 100 })
    const socket = dial(server, 'flood')
    const quiet = await RawPeer.join(server.url, 'quiet', 'a')
    socket.write(many(500, flood))
    await expect.poll(() => server.tally.throttledByAddress).toBeGreaterThan(0)
    await quiet.settled()
  })

  it('that hangs up with frames unread has them read no more', async () => {
    const server = await start({ framesPerSecondPerAddress: 100 })
    const crowd = Array.from({ length: 10 }, (_, n) => dial(server, `peer-${n}`))
    await expect.poll(() => server.tally.joins).toBe(10)
    crowd.forEach((socket, n) => {
      socket.write(many(4_000, relay(`peer-${n}`)))
    })
    await expect.poll(() => server.tally.throttledByAddress).toBeGreaterThan(0)
    for (const socket of crowd) socket.destroy()
    await expect.poll(() => server.connections).toBe(0)
    expect(server.tally.relayFrames).toBeLessThan(1_000)
  })

  it('that hangs up with frames unread which nobody answers has them read no more either', async () => {
    const server = await start({ framesPerSecondPerAddress: 100 })
    const crowd = Array.from({ length: 10 }, (_, n) => dial(server, `peer-${n}`))
    await expect.poll(() => server.tally.joins).toBe(10)
    const parts = Buffer.concat([frame(0x02), many(50, frame(0x00)), frame(0x80)])
    for (const socket of crowd) socket.write(many(80, parts))
    await expect.poll(() => server.tally.throttledByAddress).toBeGreaterThan(0)
    for (const socket of crowd) socket.destroy()
    await expect.poll(() => server.connections).toBe(0)
    expect(server.tally.frames).toBeLessThan(5_000)
  })

  it('over its rate is read on when it has waited, and loses nothing', async () => {
    const server = await start({ framesPerSecondPerAddress: 200 })
    const crowd = Array.from({ length: 4 }, (_, n) => dial(server, `peer-${n}`))
    await expect.poll(() => server.tally.joins).toBe(4)
    crowd.forEach((socket, n) => {
      socket.write(many(400, relay(`peer-${n}`)))
    })
    await expect.poll(() => server.tally.relayFrames).toBe(1_600)
    expect(server.tally.throttledByAddress).toBeGreaterThan(0)
  })
})

it('a crowd that comes at once is let in a few in one turn', async () => {
  const server = await start()
  for (let n = 0; n < 100; n++) dial(server, `peer-${n}`)
  const { tally } = server
  const most = await mostInOneTurn(
    () => tally.joins,
    () => tally.joins === 100,
  )
  expect(most).toBeLessThanOrEqual(8)
})

it('a connection that opens far too many is dropped before it is read', async () => {
  const server = await start({ newConnectionsPerAddress: 1 })
  for (let n = 0; n < 100; n++) dial(server, `peer-${n}`)
  const { tally } = server
  await expect
    .poll(() => tally.refusals.get('too-many-new-connections-from-address') ?? 0)
    .toBeGreaterThan(80)
  expect(tally.joins).toBeLessThan(15)
  const other = await RawPeer.join(server.url, 'quiet', 'a')
  await other.settled()
})
