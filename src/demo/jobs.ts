import type { Mesh, ProcessRef, Store } from '../index.js'
import { call } from '../index.js'
import type { Job } from './compute.js'
import { mergeCounts, pieces, type WordCounts } from './work/count-words.js'
import { type Tile, tilesOf, type Viewport } from './work/mandelbrot.js'

/** Characters of text in one task: some milliseconds of counting, and a result far below the size of a value. */
const pieceLength = 16 * 1024

/** Milliseconds that a compute thread may take for one job before the task is tried elsewhere. */
const jobTimeout = 20_000

/** One count of one text: which pieces it has, and who started it. The newest is what every tab shows. */
export interface Count {
  readonly id: string
  readonly name: string
  readonly pieces: number
  readonly by: string
}

export interface DrawnTile {
  readonly shades: Uint8Array
  /** The peer that drew it. */
  readonly peer: string
}

export type OnTile = (tile: Tile, drawn: DrawnTile) => void

/** Draws a part of the plane where the visitor sees it, and tells of every tile. */
export type Picture = (viewport: Viewport, onTile: OnTile) => Promise<void>

interface PieceInput {
  readonly count: string
  readonly index: number
  readonly text: string
}

/** The demo's work as the mesh sees it: three tasks, and two stores for the counts. */
export class Jobs {
  readonly #mesh: Mesh
  readonly #counts: Store<WordCounts>
  readonly #current: Store<Count>
  #picture: Picture | undefined

  /** @param compute - the supervised thread that does this peer's share of the work */
  constructor(mesh: Mesh, compute: () => Promise<ProcessRef>) {
    this.#mesh = mesh
    this.#counts = mesh.store<WordCounts>('word-counts')
    this.#current = mesh.store<Count>('word-count')
    const ask = async (job: Job) => call(await compute(), job, { timeout: jobTimeout })
    mesh.tasks.define<PieceInput, number>(
      'count-words',
      async ({ count, index, text }) => {
        const counts = (await ask({ type: 'count-words', text })) as WordCounts
        // The same piece counted twice writes the same value: a task that is run again does no harm.
        await this.#counts.put(pieceKey(count, index), counts)
        return counts.length
      },
      { concurrency: 2 },
    )
    mesh.tasks.define<Tile, DrawnTile>(
      'mandelbrot',
      async (tile) => ({ shades: (await ask({ type: 'mandelbrot', tile })) as Uint8Array, peer: mesh.id }),
      { concurrency: 2 },
    )
    mesh.tasks.define<number, number>(
      'prove',
      async (seed) => (await ask({ type: 'prove', seed })) as number,
      {
        concurrency: 2,
      },
    )
  }

  /** Has the mesh count the words of a text; resolves when every piece is in the sharded state. */
  async countWords(
    name: string,
    text: string,
    onProgress: (done: number, of: number) => void,
  ): Promise<void> {
    const id = `${this.#mesh.id}-${Date.now().toString(36)}`
    const inputs = [...pieces(text, pieceLength)].map((piece, index) => ({ count: id, index, text: piece }))
    const before = await this.#current.get('current')
    await this.#current.put('current', { id, name, pieces: inputs.length, by: this.#mesh.id })
    let done = 0
    onProgress(0, inputs.length)
    for await (const _ of this.#mesh.tasks.map<number, PieceInput>('count-words', inputs, {
      ordered: false,
    })) {
      onProgress(++done, inputs.length)
    }
    if (before !== undefined) this.#forget(before)
  }

  /** The counts of a text that no page shows any more. */
  #forget({ id, pieces }: Count): void {
    for (let index = 0; index < pieces; index++) this.#counts.delete(pieceKey(id, index)).catch(() => {})
  }

  /** Has the mesh draw a picture; `onTile` gets each tile as it comes. */
  async draw(viewport: Viewport, onTile: OnTile, signal?: AbortSignal): Promise<void> {
    const tiles = tilesOf(viewport)
    const options = signal === undefined ? { ordered: false } : { ordered: false, signal }
    const results = this.#mesh.tasks.map<DrawnTile, Tile>('mandelbrot', tiles, options)
    for await (const { index, value } of results) {
      const tile = tiles[index]
      if (tile) onTile(tile, value)
    }
  }

  /** Shows a part of the plane on the page: draws it by whoever put itself down for it. */
  async show(viewport: Viewport, onTile: OnTile): Promise<void> {
    await (this.#picture ?? ((where, each) => this.draw(where, each)))(viewport, onTile)
  }

  /** Puts a picture on the page down for what is shown. Returns the way back. */
  showOn(picture: Picture): () => void {
    this.#picture = picture
    return () => {
      if (this.#picture === picture) this.#picture = undefined
    }
  }

  /**
   * Follows the newest count, whoever started it: `onCounts` gets the words, the most frequent
   * first, and how many of the pieces they come from. Returns the way back.
   */
  followCounts(onCounts: (count: Count, words: WordCounts, pieces: number) => void): () => void {
    let parts = new Map<string, WordCounts>()
    let current: Count | undefined
    let stopPieces: (() => void) | undefined
    let due = false
    const show = (): void => {
      if (due) return
      due = true
      requestAnimationFrame(() => {
        due = false
        if (current) onCounts(current, mergeCounts(parts.values()), parts.size)
      })
    }
    const follow = (count: Count | undefined): void => {
      if (count === undefined || count.id === current?.id) return
      stopPieces?.()
      current = count
      parts = new Map()
      const mine = parts
      const take = (key: string, value: WordCounts | undefined): void => {
        if (value !== undefined) mine.set(key, value)
        show()
      }
      stopPieces = this.#counts.watch({ prefix: `${count.id}/` }, (value, _version, key) => take(key, value))
      void this.#readAll(`${count.id}/`, take)
      show()
    }
    const stopCurrent = this.#current.watch('current', follow)
    void this.#current.get('current').then(follow, () => {})
    return () => {
      stopCurrent()
      stopPieces?.()
    }
  }

  async #readAll(prefix: string, take: (key: string, value: WordCounts) => void): Promise<void> {
    for await (const [key, value] of this.#counts.entries({ prefix })) take(key, value)
  }
}

function pieceKey(count: string, index: number): string {
  return `${count}/${String(index).padStart(6, '0')}`
}
