import { describe, expect, it } from 'vitest'
import { MemoryNetwork } from '../links/adapters/memory.js'
import { GenServer } from '../otp/index.js'
import { type Runtime, type Timer, VirtualTime } from '../runtime/index.js'
import { memoryPersistence } from '../store/adapters/memory.js'
import type { Store } from '../store/index.js'
import type { Mesh } from './mesh.js'
import { openMesh } from './open-mesh.js'
import type { CheckedJoinOptions } from './options.js'
import type { Platform } from './platform.js'
import { call, cast } from './processes.js'

/** Milliseconds after which nothing of a mesh that was left may be waited for: a minute, longer than any request of it may take. */
const afterwards = 60_000

class Counter extends GenServer {
  #count = 0

  override handleCall(): number {
    return ++this.#count
  }

  override snapshot(): number {
    return this.#count
  }
}

class Stuck extends GenServer {
  override handleCast(): Promise<void> {
    return new Promise(() => {})
  }

  override snapshot(): number {
    return 0
  }
}

/** The runtime, and where in the code each timer was set that has neither fired nor been cancelled. */
function watchedTimers(runtime: Runtime): { runtime: Runtime; set: Set<string> } {
  const set = new Set<string>()
  let count = 0
  const timer = (delay: number, fire: () => void): Timer => {
    const name = `${++count}: ${delay} ms ${new Error().stack?.split('\n').slice(2, 6).join(' ')}`
    set.add(name)
    const inner = runtime.timer(delay, () => {
      set.delete(name)
      fire()
    })
    return {
      cancel() {
        set.delete(name)
        inner.cancel()
      },
    }
  }
  return { runtime: { ...runtime, timer }, set }
}

async function listed(store: Store<number>): Promise<void> {
  for await (const _ of store.entries()) {
  }
}

interface Entered {
  readonly mesh: Mesh
  /** Its timers that are set. */
  readonly set: ReadonlySet<string>
}

/** Pages of one room, in virtual time. */
class Room {
  readonly time = new VirtualTime('left')
  readonly #cutOff = new Set<string>()
  readonly #network = new MemoryNetwork(this.time.runtime('network'), {
    delay: () => 5,
    passes: (from, to) => !this.#cutOff.has(from) && !this.#cutOff.has(to),
  })

  /** Lets time go by until it settles. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    for (let waited = 0; !settled && waited < 60_000; waited += 100) await this.time.advanceAsync(100)
    expect(settled).toBe(true)
    return promise
  }

  /** Two members that do all that a member does, and know it of each other. */
  async pair(): Promise<{ stays: Entered; leaves: Entered }> {
    const [stays, leaves] = [
      await this.until(this.enter('stays').entering),
      await this.until(this.enter('leaves').entering),
    ]
    await this.time.advanceAsync(5_000)
    for (const { mesh } of [stays, leaves]) {
      mesh.tasks.define('double', (input: number) => input * 2)
      mesh.define('counter', Counter)
    }
    const { mesh } = leaves
    for (let key = 0; key < 20; key++) await this.until(mesh.store('s').put(`${key}`, key))
    expect(await this.until(mesh.tasks.run('double', 2))).toBe(4)
    await this.until(mesh.tasks.enqueue('double', 2))
    for (let key = 0; key < 4; key++) await this.until(mesh.place('counter', `${key}`))
    return { stays, leaves }
  }

  /** From now on nothing passes from and to this one. */
  cutOff({ mesh }: Entered): void {
    this.#cutOff.add(mesh.id)
    this.#network.refresh()
  }

  setServer(isUp: boolean): void {
    this.#network.setServer(isUp)
  }

  /** @param medium - its storage, which outlives it; none by default */
  enter(
    name: string,
    medium?: Map<string, Uint8Array>,
  ): { readonly set: ReadonlySet<string>; readonly entering: Promise<Entered> } {
    const { runtime, set } = watchedTimers(this.time.runtime(name))
    const platform = { kind: 'tab', weight: 1, cores: 2, host: () => name, follow: () => () => {} }
    let id = ''
    const mesh = openMesh({
      options: { room: 'r', relay: 'fallback', timeout: 45_000 } as CheckedJoinOptions,
      runtime,
      platform: platform as unknown as Platform,
      kept: medium === undefined ? false : memoryPersistence(runtime, { medium, delay: 5 }),
      signaling: (self, events) => {
        id = self.id
        return this.#network.signaling('r')(self, events)
      },
      direct: (...dial) => this.#network.direct(id)(...dial),
      until: runtime.now() + 45_000,
    })
    return { set, entering: mesh.then((entered) => ({ mesh: entered, set })) }
  }
}

describe('a mesh that was never joined', () => {
  it('waits for nothing once the time to join is over', async () => {
    const room = new Room()
    room.setServer(false)
    const { set, entering } = room.enter('late')
    await expect(room.until(entering)).rejects.toMatchObject({ name: 'SignalUnreachable' })
    await room.time.advanceAsync(afterwards)
    expect([...set]).toEqual([])
  })
})

describe('a placed process whose mesh is left with nobody to go on with it', () => {
  class Kept extends GenServer {
    #count = 0

    override init(_args: unknown, kept?: number): void {
      this.#count = kept ?? 0
    }

    override async handleCall(step: number): Promise<number> {
      this.#count += step
      return this.#count
    }

    override snapshot(): number {
      return this.#count
    }
  }

  async function counted(room: Room, { mesh }: Entered, step: number): Promise<unknown> {
    mesh.define('kept', Kept)
    return room.until(call(await room.until(mesh.place('kept', 'k')), step))
  }

  it('has in storage what its last message made of it', async () => {
    const room = new Room()
    const medium = new Map<string, Uint8Array>()
    for (let life = 1; life <= 3; life++) {
      const only = await room.until(room.enter(`life ${life}`, medium).entering)
      expect(await counted(room, only, 1)).toBe(life)
      const began = room.time.now
      await room.until(only.mesh.leave())
      expect(room.time.now - began).toBeLessThanOrEqual(500)
    }
  })

  it('has it in storage also where it had just been told to start, and where all leave at once', async () => {
    const room = new Room()
    const media = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
    for (let life = 1; life <= 3; life++) {
      const all: Entered[] = []
      for (const [index, medium] of media.entries())
        all.push(await room.until(room.enter(`life ${life} of ${index}`, medium).entering))
      await room.time.advanceAsync(5_000)
      const [first, second] = all as [Entered, Entered]
      second.mesh.define('kept', Kept)
      expect(await counted(room, first, 1)).toBe(life)
      const began = room.time.now
      await room.until(Promise.all([first.mesh.leave(), second.mesh.leave()]))
      expect(room.time.now - began).toBeLessThanOrEqual(1_000)
      await room.time.advanceAsync(5_000)
    }
  })

  it('is not waited for where its handler does not end', async () => {
    const room = new Room()
    const only = await room.until(room.enter('only').entering)
    only.mesh.define('stuck', Stuck)
    const stuck = await room.until(only.mesh.place('stuck', 'k'))
    cast(stuck, 'work')
    await room.time.advanceAsync(100)
    const began = room.time.now
    await room.until(only.mesh.leave())
    expect(room.time.now - began).toBeLessThanOrEqual(11_000)
    await room.time.advanceAsync(afterwards)
    expect([...only.set]).toEqual([])
  })
})

describe('a mesh that was left', () => {
  it('waits for nothing any more', async () => {
    const room = new Room()
    const { stays, leaves } = await room.pair()
    await room.until(leaves.mesh.leave())
    await room.time.advanceAsync(afterwards)
    expect([...leaves.set]).toEqual([])
    expect(stays.set.size).toBeGreaterThan(0)
  })

  it('waits for nothing where it was cut off from all that it had to hand over to', async () => {
    const room = new Room()
    const { leaves } = await room.pair()
    room.cutOff(leaves)
    await room.until(leaves.mesh.leave())
    await room.time.advanceAsync(afterwards)
    expect([...leaves.set]).toEqual([])
  })

  it('has ended what was under way, each with an answer', async () => {
    const room = new Room()
    const { leaves } = await room.pair()
    const { mesh } = leaves
    room.cutOff(leaves)
    const store = mesh.store<number>('s')
    const underWay = [
      store.put('k', 1),
      store.get('k', { fresh: true }),
      store.update('0', (value) => (value ?? 0) + 1),
      mesh.tasks.run('double', 3),
      mesh.tasks.enqueue('double', 3),
      mesh.place('counter', 'new'),
      mesh.tree(),
      mesh.supervise({ children: [{ id: 'named', start: [Counter], name: 'counter' }] }),
      listed(store),
    ]
    store.watch({ prefix: '' }, () => {})
    const settled = Promise.allSettled(underWay)
    await room.time.advanceAsync(50)
    await room.until(mesh.leave())
    await room.until(settled)
    await room.time.advanceAsync(afterwards)
    expect([...leaves.set]).toEqual([])
  })
})
