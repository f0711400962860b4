/** Runs in each of some real tabs: a peer of a mesh, and a raw data channel to one of the others. */
import { join, type Mesh, type Store } from '../../src/index.js'

const parameters = new URLSearchParams(location.search)
const connection = new RTCPeerConnection()
const channel = connection.createDataChannel('raw', { negotiated: true, id: 0 })
channel.binaryType = 'arraybuffer'
const isOpen = new Promise((resolve) => {
  channel.onopen = resolve
})

/** The description of this end with all its candidates, once they are gathered. */
async function described(): Promise<RTCSessionDescriptionInit | undefined> {
  await connection.setLocalDescription()
  while (connection.iceGatheringState !== 'complete')
    await new Promise((resolve) =>
      connection.addEventListener('icegatheringstatechange', resolve, { once: true }),
    )
  return connection.localDescription?.toJSON()
}

const raw = {
  offer: described,
  async answer(offer: RTCSessionDescriptionInit) {
    channel.onmessage = ({ data }) => channel.send(data)
    await connection.setRemoteDescription(offer)
    return described()
  },
  async accept(answer: RTCSessionDescriptionInit) {
    await connection.setRemoteDescription(answer)
    await isOpen
  },
}

const value = { name: 'Ada Lovelace', born: 1815, tags: ['mathematics', 'poetry'] }
let mesh: Mesh
let store: Store<unknown>

/** Milliseconds of each of `count` runs, one after the other. */
async function times(count: number, run: (index: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let index = 0; index < count; index++) {
    const start = performance.now()
    await run(index)
    samples.push(performance.now() - start)
  }
  return samples
}

function echo(): Promise<unknown> {
  return new Promise((resolve) => {
    channel.onmessage = resolve
    channel.send(new Uint8Array(64))
  })
}

const measurements = {
  echoes: (count: number) => times(count, echo),
  puts: (count: number, name: string) => times(count, (index) => store.put(`${name} ${index}`, value)),
  /** Milliseconds of one local get, of many in a row, as the clock of a page is coarse. */
  async gets(count: number): Promise<number> {
    const key = await ownKey()
    const start = performance.now()
    for (let run = 0; run < count; run++) await store.get(key)
    return (performance.now() - start) / count
  },
  /** Puts until the time is over, some at once; answers how many were acknowledged. */
  async sustained(name: string, inFlight: number, milliseconds: number): Promise<number> {
    const end = performance.now() + milliseconds
    let acknowledged = 0
    const putOn = async (line: number): Promise<void> => {
      for (let index = 0; performance.now() < end; index++) {
        await store.put(`${name} ${line} ${index}`, value)
        acknowledged++
      }
    }
    await Promise.all(Array.from({ length: inFlight }, (_, line) => putOn(line)))
    return acknowledged
  },
  /** Puts values of so many bytes, some at once. */
  async fill(name: string, count: number, bytes: number): Promise<void> {
    const content = new Uint8Array(bytes).fill(7)
    let next = 0
    const putOn = async (): Promise<void> => {
      while (next < count) await store.put(`${name} ${next++}`, content)
    }
    await Promise.all(Array.from({ length: 16 }, putOn))
  },
  state: () => mesh.stats().state,
  /** The time by the clock of the machine at which this page holds so many keys. */
  async whole(keys: number): Promise<number> {
    while (mesh.stats().state.keys < keys) await new Promise((resolve) => setTimeout(resolve, 10))
    return Date.now()
  },
  /** The members that this peer believes to be here, with their states. */
  members: () => mesh.members().map(({ state }) => state),
}

/** A key that this page holds itself. */
async function ownKey(): Promise<string> {
  for (let index = 0; ; index++) {
    const key = `own ${index}`
    if (!mesh.ring.owners(key, 3).includes(mesh.id)) continue
    await store.put(key, value)
    return key
  }
}

Object.assign(window, {
  raw,
  measurements,
  joined: (async () => {
    mesh = await join({ signal: parameters.get('signal') ?? '', room: 'bench' })
    store = mesh.store('bench', { replicas: 3, writes: 2 })
    // When this page learns of things, by the clock of the machine.
    const seen: { state: string; at: number }[] = []
    mesh.on('change', ({ state }) => seen.push({ state, at: Date.now() }))
    Object.assign(window, { seen })
  })(),
})
