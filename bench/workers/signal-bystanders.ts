import { encodeMessage, joinProtocols, protocolVersion } from '../../src/wire/index.js'
import { clientFrame, LoadClient } from '../signal-load.js'

/** Pairs, each in a room of its own. */
const pairs = 8
/** Milliseconds between two questions of a pair: together 1,600 a second, a few per cent of what the server can do. */
const pause = 5
const bytes = 200

let times: number[] = []

function client(port: number, pair: number, id: string, frame: () => void): Promise<LoadClient> {
  const join = encodeMessage({
    type: 'signal.join',
    protocol: protocolVersion,
    room: `bystanders-${pair}`,
    peer: { id, kind: 'tab', weight: 1, host: id },
    token: null,
  })
  return new Promise((resolve) => {
    let isIn = false
    const made = new LoadClient(
      port,
      '/',
      `Sec-WebSocket-Protocol: ${joinProtocols(join).join(', ')}\r\n`,
      () => {
        if (isIn) return frame()
        isIn = true
        resolve(made)
      },
    )
  })
}

const relayed = (to: string): Buffer =>
  clientFrame(encodeMessage({ type: 'signal.relay', to, frame: new Uint8Array(bytes).fill(7) }), false)

async function begin(port: number, pair: number): Promise<void> {
  const [question, answer] = [relayed('b'), relayed('a')]
  let asked = 0
  // The first frame that `a` gets after its welcome says that `b` has come.
  const a = await client(port, pair, 'a', () => {
    if (asked === 0) return
    times.push(performance.now() - asked)
    setTimeout(ask, pause)
  })
  const b = await client(port, pair, 'b', () => b.send(answer))
  const ask = (): void => {
    asked = performance.now()
    a.send(question)
  }
  setTimeout(ask, 200 + pair)
}

process.on('message', async (message: { port: number } | 'take') => {
  if (message === 'take') {
    process.send?.(times)
    times = []
    return
  }
  await Promise.all(Array.from({ length: pairs }, (_, pair) => begin(message.port, pair)))
  process.send?.('begun')
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
