import { expect, test } from '@playwright/test'
import type { PeerjsPackage } from '../src/links/adapters/load-peerjs.js'
import type { PeerServerTransport } from '../src/links/adapters/peer-server-transport.js'
import type { LinkEvents } from '../src/links/link.js'
import { stockPeerServer } from '../src/links/testing/stock-peer-server.js'
import type { Runtime } from '../src/runtime/index.js'
import { limits } from '../src/wire/index.js'
import { startScriptPages } from './support/script-pages.js'

// The contract of links (src/links/testing/link-contract.ts) for a DataConnection, where it is at home.
test('a DataConnection between two Peers of real browsers keeps the contract of links', async ({ page }) => {
  const server = await stockPeerServer()
  const pages = await startScriptPages()
  try {
    await page.goto(pages.url)
    const seen = await page.evaluate(
      async ({ port, frameBytes }) => {
        const file = '/ringmesh.peerjs.js'
        const { Peer, peerjsClients }: PeerjsPackage = await import(file)
        const runtime = {
          log: () => {},
          timer: (delay: number, fire: () => void) => {
            const timer = setTimeout(fire, delay)
            return { cancel: () => clearTimeout(timer) }
          },
        } as unknown as Runtime
        const options = { host: '127.0.0.1', port, path: '/', key: 'peerjs', secure: false }
        const clients = peerjsClients(Peer, { ...options, config: { iceServers: [] } }, runtime, (payload) =>
          JSON.parse(new TextDecoder().decode(payload)),
        )

        class End {
          readonly log: string[] = []
          readonly frames: Uint8Array[] = []
          isInside = false
          link: ReturnType<NonNullable<PeerServerTransport['dial']>> | undefined
          readonly #id: string
          #transport: PeerServerTransport | undefined

          constructor(id: string) {
            this.#id = id
          }

          /** Resolves when the server carries its messages. */
          open(): Promise<void> {
            return new Promise((resolve, reject) => {
              this.#transport = clients(this.#id, `token of ${this.#id}`).open({
                open: resolve,
                closed: reject,
                expired: () => {},
                carried: (_from, { type, payload }) => {
                  const { sdp, candidate } = payload as { sdp?: { sdp: string }; candidate?: unknown }
                  const description = { type: type.toLowerCase(), sdp: sdp?.sdp, candidate }
                  this.link?.signal(new TextEncoder().encode(JSON.stringify(description)))
                },
              })
            })
          }

          dial(remote: string, initiator: boolean): void {
            const note = (entry: string): void => {
              this.log.push(this.isInside ? `inside a call: ${entry}` : entry)
            }
            const events: LinkEvents = {
              open: () => note('open'),
              frame: (bytes) => this.frames.push(bytes),
              drain: () => note('drain'),
              trouble: () => note('trouble'),
              close: (reason) => note(`close ${reason}`),
            }
            this.link = this.#transport?.dial?.(remote, initiator, [], () => {}, events, 1)
          }

          send(frame: Uint8Array): void {
            this.isInside = true
            this.link?.send(frame)
            this.isInside = false
          }
        }

        const until = async (condition: () => boolean): Promise<void> => {
          while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
        }
        const [a, b] = [new End('a'), new End('b')]
        await Promise.all([a.open(), b.open()])
        b.dial('a', false)
        a.dial('b', true)
        await until(() => a.log.length > 0 && b.log.length > 0)
        const opened = [...a.log, ...b.log]

        for (let number = 0; number < 200; number++) {
          a.send(Uint8Array.of(number, 1))
          b.send(Uint8Array.of(number, 2, 2))
        }
        await until(() => a.frames.length >= 200 && b.frames.length >= 200)
        const [toA, toB] = [a, b].map((end) => end.frames.splice(0).map((frame) => [...frame]))

        const largest = a.link?.largestFrame
        a.send(new Uint8Array(0))
        a.send(Uint8Array.from({ length: frameBytes }, (_, index) => index % 251))
        await until(() => b.frames.length >= 2)
        const [empty, long] = b.frames.splice(0)
        const isWhole = long?.length === frameBytes && long.every((byte, index) => byte === index % 251)

        for (let count = 0; count < 40; count++) a.send(new Uint8Array(16_384))
        a.link?.awaitDrain?.()
        await until(() => b.frames.length === 40 && a.link?.buffered === 0 && a.log.includes('drain'))
        const drained = a.log.filter((entry) => entry !== 'drain')

        a.isInside = true
        a.link?.close('enough')
        a.link?.close('again')
        a.link?.send(Uint8Array.of(1))
        a.isInside = false
        await until(() => a.log.at(-1) !== 'drain' && b.log.length > 1)
        b.link?.send(Uint8Array.of(1))
        b.link?.close('me too')
        return {
          opened,
          toA,
          toB,
          largest,
          empty: empty?.length,
          isWhole,
          drained,
          closed: [a.log.filter((entry) => entry !== 'drain'), b.log.filter((entry) => entry !== 'drain')],
          late: b.frames.length - 40,
        }
      },
      { port: server.port, frameBytes: limits.frameBytes },
    )
    expect(seen.opened).toEqual(['open', 'open'])
    expect(seen.toB).toEqual(Array.from({ length: 200 }, (_, number) => [number, 1]))
    expect(seen.toA).toEqual(Array.from({ length: 200 }, (_, number) => [number, 2, 2]))
    expect(seen.largest).toBeGreaterThanOrEqual(limits.frameBytes)
    expect({ empty: seen.empty, isWhole: seen.isWhole }).toEqual({ empty: 0, isWhole: true })
    expect(seen.drained).toEqual(['open'])
    expect(seen.closed).toEqual([
      ['open', 'close enough'],
      ['open', 'close closed by the other end'],
    ])
    expect(seen.late).toBe(0)
  } finally {
    await pages.stop()
    await server.stop()
  }
})
