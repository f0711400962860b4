import type { Mesh, Store } from '../index.js'
import type { MeshObserver } from '../picture/index.js'

/** Pixels along each side of the board: 4,096 keys. */
export const boardSide = 64

/** What can be painted; 0 is bare ground. Codes, not colours, are kept, so that every page may choose its shades. */
export const paints = [
  '#00000000',
  '#3b7be8',
  '#f0a11f',
  '#12a07a',
  '#d83f9b',
  '#8557da',
  '#dd4b39',
  '#38b8e8',
  '#9cb81c',
  '#7f8a9c',
]

/** What the paints are called, for those who cannot see them. */
export const paintNames = [
  'nothing',
  'blue',
  'amber',
  'green',
  'magenta',
  'violet',
  'red',
  'sky',
  'lime',
  'grey',
]

/** A picture that every peer paints: each pixel is a key of the sharded state, on three peers of the ring. */
export class PixelBoard {
  readonly #mesh: Mesh
  readonly #observer: MeshObserver
  readonly #store: Store<number>
  readonly #codes = new Uint8Array(boardSide * boardSide)
  readonly #listeners = new Set<(index: number, code: number) => void>()

  constructor(mesh: Mesh, observer: MeshObserver) {
    this.#mesh = mesh
    this.#observer = observer
    this.#store = mesh.store<number>('pixels')
    this.#store.watch({ prefix: '' }, (code, version, key) => {
      const index = indexOf(key)
      if (index === undefined) return
      const wrote = version.slice(version.indexOf('-') + 1)
      if (this.#codes[index] !== code && wrote !== mesh.id) this.#flow(wrote, key)
      this.#set(index, typeof code === 'number' && paints[code] !== undefined ? code : 0)
    })
  }

  get codes(): Readonly<Uint8Array> {
    return this.#codes
  }

  /** The peer that owns a pixel now. */
  ownerOf(index: number): string | undefined {
    return this.#mesh.ring.owner(keyOf(index))
  }

  /** Calls `listener` for every pixel that changes. Returns the way back. */
  on(listener: (index: number, code: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Paints a pixel; resolves when two peers hold it. It is shown at once, and taken back where that fails. */
  async paint(index: number, code: number): Promise<void> {
    const before = this.#codes[index] ?? 0
    if (before === code) return
    this.#set(index, code)
    this.#flow(this.#mesh.id, keyOf(index))
    try {
      await this.#store.put(keyOf(index), code)
    } catch (error) {
      if (this.#codes[index] === code) this.#set(index, before)
      throw error
    }
  }

  #set(index: number, code: number): void {
    if (this.#codes[index] === code) return
    this.#codes[index] = code
    for (const listener of this.#listeners) listener(index, code)
  }

  #flow(from: string, key: string): void {
    const to = this.#mesh.ring.owner(key)
    if (to !== undefined) this.#observer.flow({ kind: 'write', from, to, count: 1 })
  }
}

function keyOf(index: number): string {
  return `${index % boardSide},${Math.floor(index / boardSide)}`
}

function indexOf(key: string): number | undefined {
  const [x, y] = key.split(',').map(Number)
  if (x === undefined || y === undefined) return undefined
  const isOnBoard = [x, y].every((place) => Number.isInteger(place) && place >= 0 && place < boardSide)
  return isOnBoard ? y * boardSide + x : undefined
}
