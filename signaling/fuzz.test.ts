import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { seededRandom } from '../src/runtime/index.js'
import { HostileFrames } from './testing/hostile-frames.js'
import { InstanceProcess } from './testing/instance-process.js'
import { RawPeer } from './testing/raw-peer.js'

/** `FUZZ_FRAMES=1000000` for a long run; a short one is part of the tests. */
const frames = Number(process.env.FUZZ_FRAMES ?? 20_000)
/** Sockets that misbehave at the same time. */
const abreast = 20

let instance: InstanceProcess

beforeAll(async () => {
  instance = await InstanceProcess.start({
    limits: { connectionsPerAddress: 10_000, newConnectionsPerAddress: 10_000 },
  })
})
afterAll(() => instance.kill())

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${instance.url.replace('ws:', 'http:')}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

const random = seededRandom('fuzz')
const hostile = new HostileFrames(random)

/** Sends frames on fresh sockets until the server has had enough of each. */
async function misbehave(count: number): Promise<void> {
  let left = count
  while (left > 0) {
    const isPeerJs = random() < 0.2
    const url = isPeerJs
      ? `${instance.url}/peerjs/peerjs?key=peerjs&id=f${hostile.upTo(1e9)}&token=t`
      : instance.url
    const socket = new WebSocket(url, { perMessageDeflate: false })
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await new Promise((resolve) => {
      socket.once('open', resolve)
      socket.once('close', resolve)
    })
    if (random() < 0.5 && !isPeerJs) socket.send(hostile.join)
    const burst = Math.min(left, 1 + hostile.upTo(50))
    for (let sent = 0; sent < burst && socket.readyState === WebSocket.OPEN; sent++)
      socket.send(hostile.next())
    left -= burst
    // Some go at once, some stay until they are put out, some are cut in the middle of a frame.
    if (random() < 0.5) socket.terminate()
    else socket.close()
    await closed
  }
}

/** What is kept may grow by: a megabyte of code that was compiled meanwhile, and as much again. */
const grownAtMost = 2 * 2 ** 20

it('any frames on many sockets: the process goes on, keeps nothing, and serves other rooms meanwhile', async () => {
  const [a, b] = [
    await RawPeer.join(instance.url, 'quiet', 'a'),
    await RawPeer.join(instance.url, 'quiet', 'b'),
  ]
  const round = (): Promise<unknown> =>
    Promise.all(Array.from({ length: abreast }, () => misbehave(Math.ceil(frames / 4 / abreast))))
  const allGone = (): Promise<void> => expect.poll(() => metric('ringmesh_signal_open_connections')).toBe(2)
  // The first quarter makes the process as large as it gets.
  await round()
  await allGone()
  const before = await instance.kept()
  const readBefore = await metric('ringmesh_signal_frames_total')
  let running = true
  const fuzzing = Promise.all([round(), round(), round()]).finally(() => {
    running = false
  })
  let answers = 0
  while (running) {
    a.send({ type: 'signal.relay', to: 'b', frame: new Uint8Array(100) })
    await b.next('signal.relayed')
    answers++
  }
  await fuzzing
  await allGone()
  const after = await instance.kept()
  if (process.env.FUZZ_FRAMES !== undefined) {
    const mebibytes = [before, after].map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(' → ')
    console.log(`${frames} frames, kept ${mebibytes} MiB, ${answers} answers meanwhile`)
  }
  expect(after - before).toBeLessThan(grownAtMost)
  // Those who send little are not put off until those who send much are through.
  expect(answers).toBeGreaterThan(frames / 1_000)
  expect(await metric('ringmesh_signal_frames_total')).toBeGreaterThan(readBefore + frames / 200)
  expect(
    await metric('ringmesh_signal_refusals_total{reason="bad-frame"}'.replace(/[{}]/g, '\\$&')),
  ).toBeGreaterThan(frames / 200)
  expect(await metric('ringmesh_signal_rooms')).toBe(1)
  expect(await metric('ringmesh_signal_unread_bytes')).toBe(0)
  await a.settled()
}, 600_000)
