import { connect, type Socket } from 'node:net'
import { constants, setPriority } from 'node:os'
import { HostileFrames } from '../../signaling/testing/hostile-frames.js'
import { joinRequest, upgradeRequest } from '../../signaling/testing/raw-request.js'
import { seededRandom } from '../../src/runtime/index.js'
import { encodeMessage } from '../../src/wire/index.js'
import { clientFrame } from '../signal-load.js'

// The attackers of the world have machines of their own: here they may have what the measured peers leave.
setPriority(constants.priority.PRIORITY_LOW)

/** Each has limits of its own. */
const addresses = ['127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.1.4']

const random = seededRandom('attack')
const hostile = new HostileFrames(random)
const sockets = new Set<Socket>()
const counts = { connections: 0, dropped: 0, requests: 0, stalled: 0 }
let port = 0
let running = false
let peers = 0

const relay = (to: string, size: number): Buffer =>
  clientFrame(encodeMessage({ type: 'signal.relay', to, frame: new Uint8Array(size) }), false)
const control = (first: number): Buffer => Buffer.from([first, 0x80, 0, 0, 0, 0])
const repeated = (frame: Buffer, count: number): Buffer => Buffer.concat(Array<Buffer>(count).fill(frame))

/** One connection; resolves when it is gone. */
function dial(address: string, attack: (socket: Socket) => void): Promise<void> {
  counts.connections++
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address })
    sockets.add(socket)
    let answered = false
    socket.on('data', () => {
      answered = true
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (!answered) counts.dropped++
      resolve()
    })
    socket.on('connect', () => attack(socket))
  })
}

/** Does it again and again, as fast as the server lets it. */
function keepOn(address: string, attack: (socket: Socket) => void): void {
  const again = (): void => {
    if (running) dial(address, attack).then(again)
  }
  again()
}

/** Frames that are none, in one burst, with or without a join before them, at either door. */
function fuzz(socket: Socket): void {
  const isPeerJs = random() < 0.2
  const isInside = random() < 0.5
  const id = `f${peers++}`
  const start = isPeerJs
    ? upgradeRequest(`/peerjs/peerjs?key=peerjs&id=${id}&token=t`)
    : isInside
      ? joinRequest(id, 'fuzz')
      : upgradeRequest('/')
  const burst: Buffer[] = [Buffer.from(start)]
  for (let count = 1 + hostile.upTo(50); count > 0; count--) {
    const frame = hostile.next()
    burst.push(clientFrame(Buffer.from(frame as string), typeof frame === 'string'))
  }
  socket.write(Buffer.concat(burst))
  // Most go soon, some in the middle of it; the rest stay until they are put out.
  if (random() < 0.9) setTimeout(() => socket.destroy(), hostile.upTo(100))
}

/** Frames that are in order, as many as the socket takes. */
function flood(frame: (id: string) => Buffer, room = 'flood'): (socket: Socket) => void {
  return (socket) => {
    const id = `p${peers++}`
    const one = frame(id)
    const many = repeated(one, Math.ceil(65_536 / one.byteLength))
    socket.write(joinRequest(id, room))
    const more = (): void => {
      if (!running || socket.destroyed) return
      if (socket.write(many)) setImmediate(more)
      else socket.once('drain', more)
    }
    more()
  }
}

/** Stops at some stage, and stays. */
const stalls: ((socket: Socket) => void)[] = [
  () => {},
  (socket) => void socket.write(upgradeRequest('/').slice(0, 60)),
  (socket) => void socket.write(upgradeRequest('/')),
  (socket) =>
    void socket.write(
      Buffer.concat([Buffer.from(joinRequest(`s${peers++}`, 'stall')), Buffer.from([0x82, 0xfe])]),
    ),
  // In, with others that send to it, and reads nothing.
  (socket) => {
    socket.pause()
    socket.write(joinRequest(`unread-${peers++ % 4}`, 'unread'))
  },
  // Reads, at a crawl.
  (socket) => {
    socket.write(joinRequest(`unread-${peers++ % 4}`, 'unread'))
    const timer = setInterval(() => {
      socket.read(64)
    }, 100)
    socket.pause()
    socket.on('close', () => clearInterval(timer))
  },
  // A refused request whose answer is not read.
  (socket) => {
    socket.pause()
    socket.write(upgradeRequest('/nowhere'))
  },
]

function begin(): void {
  for (const address of addresses) {
    for (let n = 0; n < 50; n++) keepOn(address, fuzz)
    for (let n = 0; n < 5; n++) {
      keepOn(
        address,
        flood((id) => relay(id, 1)),
      )
      keepOn(
        address,
        flood(() => relay('nobody', 1)),
      )
      keepOn(
        address,
        flood(() => control(0x89)),
      )
      keepOn(
        address,
        flood(() => Buffer.concat([control(0x02), ...Array<Buffer>(20).fill(control(0x00))])),
      )
      keepOn(
        address,
        flood(() => relay(`unread-${n % 4}`, 16_384), 'unread'),
      )
    }
    for (const stall of stalls) {
      for (let n = 0; n < 10; n++) {
        keepOn(address, (socket) => {
          counts.stalled++
          stall(socket)
        })
      }
    }
    keepOn(address, (socket) => {
      counts.requests += 500
      const page = random() < 0.5 ? '/metrics' : '/healthz'
      socket.write(`GET ${page} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(500))
      setTimeout(() => socket.destroy(), 200)
    })
  }
}

process.on('message', (message: { port: number } | 'begin' | 'end') => {
  if (message === 'begin') {
    running = true
    begin()
  } else if (message === 'end') {
    running = false
    for (const socket of sockets) socket.destroy()
  } else port = message.port
  process.send?.({ ...counts })
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
