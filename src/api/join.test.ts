import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type SignalServer, startSignalServer } from '../../signaling/index.js'
import { RingmeshError } from '../errors/index.js'
import { Chaos, call, GenServer, type JoinOptions, join, type Log, type Mesh } from '../index.node.js'

let server: SignalServer
const meshes: Mesh[] = []

beforeEach(async () => {
  server = await startSignalServer({ port: 0 })
})

afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.leave()))
  await server.close()
})

async function enter(options: Partial<JoinOptions> = {}): Promise<Mesh> {
  const mesh = await join({ signal: server.url, room: 'test', ...options })
  meshes.push(mesh)
  return mesh
}

/** Waits until it holds: a bound for what hangs, not for how fast the machine is. */
function eventually(holds: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(holds, { timeout: 60_000, interval: 50 })
}

/** Waits until the peers that are left agree on who is here. */
async function agreed(...peers: readonly Mesh[]): Promise<void> {
  await eventually(() => {
    for (const peer of peers) {
      expect(peer.members().filter(({ state }) => state === 'alive')).toHaveLength(peers.length)
      expect(peer.view).toBe(peers[0]?.view)
    }
  })
}

/** Three edge workers with real links, on a real signalling server. */
describe('join, in Node', () => {
  it('makes one mesh of three peers: state, tasks, messages, a leave', async () => {
    const [a, b, c] = [await enter(), await enter(), await enter()]
    await agreed(a, b, c)

    const got: unknown[] = []
    b.on('message', (message, from) => got.push([message, from === a.id]))
    a.send(b.id, new Map([['sent', 1n]]))
    c.broadcast('to all')
    await eventually(() => expect(got).toHaveLength(2))
    expect(got).toContainEqual([new Map([['sent', 1n]]), true])

    const { holders } = await a.store('scores').put('ada', 36)
    expect(holders.length).toBeGreaterThanOrEqual(2)
    expect(await c.store('scores').get('ada', { fresh: true })).toBe(36)

    for (const mesh of [a, b, c]) {
      mesh.tasks.define('square', async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return { square: n * n, by: mesh.id }
      })
    }
    const inputs = Array.from({ length: 30 }, (_, n) => n)
    await eventually(async () => {
      const doers = new Set<string>()
      for await (const { index, value } of a.tasks.map<{ square: number; by: string }>('square', inputs)) {
        expect(value.square).toBe(index * index)
        doers.add(value.by)
      }
      // The others' definitions may still be on their way at first.
      expect(doers).toEqual(new Set([a.id, b.id, c.id]))
    })

    const downs: string[] = []
    a.on('down', ({ id, state }) => downs.push(`${id} ${state}`))
    await c.leave()
    await eventually(() => expect(downs).toEqual([`${c.id} left`]))
    await agreed(a, b)
    expect(await b.store('scores').get('ada')).toBe(36)
  })

  it('goes on when the signalling server goes, and lets others in when it is back', async () => {
    const [a, b] = [await enter(), await enter()]
    await agreed(a, b)
    await eventually(() =>
      expect(
        a
          .members()
          .map(({ link }) => link)
          .sort(),
      ).toEqual(['direct', 'self']),
    )
    const { port } = server
    await server.close()
    await a.store('s').put('k', 1)
    expect(await b.store('s').get('k')).toBe(1)
    server = await startSignalServer({ port })
    const c = await enter()
    await agreed(a, b, c)
    expect(await c.store('s').get('k')).toBe(1)
  })

  it('works by relay alone', async () => {
    const [a, b] = [await enter({ relay: 'only' }), await enter({ relay: 'only' })]
    await agreed(a, b)
    expect(
      a
        .members()
        .map(({ link }) => link)
        .sort(),
    ).toEqual(['relay', 'self'])
    await a.store('s').put('k', 'by relay')
    expect(await b.store('s').get('k')).toBe('by relay')
  })

  it('places one process for a key, which is called by any peer, and moves when its peer leaves', async () => {
    class Game extends GenServer {
      #moves: unknown[] = []
      override init(_args: unknown, snapshot?: unknown[]) {
        this.#moves = snapshot ?? []
      }
      override handleCall(move: unknown) {
        this.#moves.push(move)
        return this.#moves
      }
      override snapshot() {
        return this.#moves
      }
    }
    const peers = [await enter(), await enter(), await enter()] as const
    const [a, b] = peers
    await agreed(...peers)
    for (const peer of peers) peer.define('game', Game)
    const refs = await Promise.all(peers.map((peer) => peer.place('game', 'room-42')))
    for (const [index, ref] of refs.entries()) await call(ref, index)
    expect(await call(refs[0] ?? '', 'last')).toEqual([0, 1, 2, 'last'])
    const owner = peers.find((peer) => peer.ring.owner('room-42') === peer.id) ?? a
    const other = owner === a ? b : a
    const ref = await other.place('game', 'room-42')
    await owner.leave()
    expect(await call(ref, 'moved', { timeout: 60_000 })).toEqual([0, 1, 2, 'last', 'moved'])
  })

  it('keeps what a placed process holds where it is alone, and hands it over to the last one that stays', async () => {
    class Count extends GenServer {
      #count = 0
      override init(_args: unknown, snapshot?: number) {
        this.#count = snapshot ?? 0
      }
      override handleCall() {
        return ++this.#count
      }
      override snapshot() {
        return this.#count
      }
    }
    const logged: string[] = []
    const log: Log = (_level, message) => logged.push(message)
    const a = await enter({ log })
    a.define('count', Count, { snapshotEvery: 1 })
    const keys = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']
    for (const key of keys) expect(await call(await a.place('count', key), 'next')).toBe(1)
    await eventually(() => expect(a.stats().state.keys).toBeGreaterThanOrEqual(keys.length))

    const b = await enter({ log })
    b.define('count', Count, { snapshotEvery: 1 })
    await agreed(a, b)
    await a.leave()
    for (const key of keys) expect(await call(await b.place('count', key), 'next')).toBe(2)
    expect(logged).toEqual([])
  })

  it('keeps enqueued tasks, and gives their results to who asks for them', async () => {
    const [a, b] = [await enter(), await enter()]
    await agreed(a, b)
    b.tasks.define('double', (n: number) => 2 * n)
    const id = await a.tasks.enqueue('double', 21)
    expect(await b.tasks.result(id, { timeout: 60_000 })).toBe(42)
  })

  it('parts when it is cut, and finds itself again when that heals', async () => {
    const cuts = [new Chaos(), new Chaos(), new Chaos()]
    const peers: Mesh[] = []
    for (const chaos of cuts) peers.push(await enter({ chaos }))
    const [a, b, c] = peers as [Mesh, Mesh, Mesh]
    await agreed(a, b, c)
    await a.store('s').put('before', 1)
    cuts[0]?.cut([c.id])
    cuts[1]?.cut([c.id])
    cuts[2]?.cut('all')
    await eventually(() => {
      expect(a.members().map(({ id }) => id)).toEqual([a.id, b.id].sort())
      expect(c.members().map(({ id }) => id)).toEqual([c.id])
    })
    await a.store('s').put('on one side', 2)
    for (const cut of cuts) cut.heal()
    await agreed(a, b, c)
    await eventually(async () => expect(await c.store('s').get('on one side')).toBe(2))
    expect(await c.store('s').get('before')).toBe(1)
  })

  it('keeps its state in a folder, which one process at a time may use', async () => {
    const folder = mkdtempSync(joinPath(tmpdir(), 'ringmesh-'))
    const first = await enter({ persistence: folder })
    await first.store('s', { replicas: 1, writes: 1 }).put('k', 1, { durable: true })
    await expect(enter({ persistence: folder })).rejects.toMatchObject({
      option: 'join.persistence',
      message: expect.stringContaining('another process, or another mesh of this one, has it open'),
    })
    await first.leave()
    const second = await enter({ persistence: folder })
    expect(await second.store('s', { replicas: 1, writes: 1 }).get('k')).toBe(1)
    await second.leave()
    rmSync(folder, { recursive: true })
  })

  it('releases the folder wherever it fails, so that the next join may use it', async () => {
    const folder = mkdtempSync(joinPath(tmpdir(), 'ringmesh-'))
    const fail = () => {
      throw new Error('no place')
    }
    const closed = vi.fn()
    const place = { connected: false, buffered: 0, sendOffer: () => {}, relay: () => {}, close: closed }
    const failing: Partial<JoinOptions>[] = [
      { signal: { open: fail } },
      { signal: { open: () => ({ signaling: fail, direct: undefined }) } },
      {
        signal: {
          open: () => ({
            signaling: (_self, { refused }) => {
              refused(new RingmeshError('Unauthorized', 'not you'))
              return place
            },
            direct: undefined,
          }),
        },
      },
      { signal: 'ws://127.0.0.1:1' },
      { timeout: 1 },
    ]
    for (const options of failing) {
      await expect(enter({ persistence: folder, ...options })).rejects.not.toMatchObject({
        option: 'join.persistence',
      })
    }
    expect(closed).toHaveBeenCalledTimes(1)
    const mesh = await enter({ persistence: folder })
    await mesh.store('s', { replicas: 1, writes: 1 }).put('k', 1, { durable: true })
    await mesh.leave()
    rmSync(folder, { recursive: true })
  })

  it('makes the folder, and those above it', async () => {
    const folder = mkdtempSync(joinPath(tmpdir(), 'ringmesh-'))
    const mesh = await enter({ persistence: joinPath(folder, 'not', 'there', 'yet') })
    await mesh.store('s', { replicas: 1, writes: 1 }).put('k', 1, { durable: true })
    await mesh.leave()
    rmSync(folder, { recursive: true })
  })

  it('supervises', async () => {
    const mesh = await enter()
    class Counter extends GenServer {
      #n = 0
      override init({ start }: { start: number }) {
        this.#n = start
      }
      override handleCall(request: unknown) {
        if (request === 'crash') throw new Error('asked to')
        return ++this.#n
      }
    }
    const tree = await mesh.supervise({
      children: [{ id: 'counter', start: [Counter, { start: 0 }], name: 'counter' }],
    })
    expect(await call('counter', 'next')).toBe(1)
    expect(await call('counter', 'next')).toBe(2)
    await expect(call('counter', 'crash')).rejects.toMatchObject({ name: 'ExitError' })
    await eventually(async () => expect(await call('counter', 'next')).toBe(1))
    expect(tree.children()).toMatchObject([{ id: 'counter', state: 'running', restarts: 1 }])
  })
})

describe('join refuses', () => {
  const refusal = (options: unknown) =>
    join(options as JoinOptions).then(
      () => 'joined',
      (error: Error) => `${error.name}: ${error.message}`,
    )

  it.each([
    [undefined, 'join: must be an object of options, but got undefined'],
    [{ room: 'r' }, 'join.signal:'],
    [{ signal: 'ws://127.0.0.1:1', room: '' }, 'join.room: must not be empty, but got ""'],
    [{ signal: 'ws://127.0.0.1:1', room: 7 }, 'join.room: must be a string, but got 7'],
    [{ signal: 'nowhere', room: 'r' }, 'but got "nowhere"'],
    [{ signal: [], room: 'r' }, 'join.signal'],
    [
      { signal: 'ws://127.0.0.1:1', room: 'r', colour: 'red' },
      'join.colour: is not an option here, but got "red"',
    ],
    [{ signal: 'ws://127.0.0.1:1', room: 'r', weight: Number.NaN }, 'join.weight'],
    [{ signal: 'ws://127.0.0.1:1', room: 'r', relay: 'often' }, 'join.relay'],
    [{ signal: 'ws://127.0.0.1:1', room: 'r', token: 5 }, 'join.token'],
    [{ signal: 'ws://127.0.0.1:1', room: 'r', iceTransportPolicy: 'turn' }, 'join.iceTransportPolicy'],
    [{ signal: { open: () => {} }, room: 'r', iceTransportPolicy: 'relay' }, 'join.iceTransportPolicy'],
    [
      { signal: 'ws://127.0.0.1:1', room: 'r', persistence: '' },
      'join.persistence: must not be empty, but got ""',
    ],
    [{ signal: 'ws://127.0.0.1:1', room: 'r', persistence: '/dev/null/data' }, 'join.persistence'],
    // Linux answers there as if the folder above were missing, for which Node's own way tries for ever.
    [
      { signal: 'ws://127.0.0.1:1', room: 'r', persistence: '/proc/data' },
      'join.persistence: must be a folder that can be used (',
    ],
  ])('%j', async (options, expected) => {
    expect(await refusal(options)).toContain(`InvalidOption: `)
    expect(await refusal(options)).toContain(expected)
  })

  it('a server that is not there, and one that is no signalling server', async () => {
    expect(await refusal({ signal: 'ws://127.0.0.1:1', room: 'r' })).toContain('SignalUnreachable')
    const web = createServer((_request, response) => response.end('hello'))
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    const { port } = web.address() as AddressInfo
    expect(await refusal({ signal: `http://127.0.0.1:${port}`, room: 'r' })).toContain('SignalUnreachable')
    web.close()
  })
})
