import { GenServer } from '../worker.js'
import { countWords, type WordCounts } from './work/count-words.js'
import { drawTile, type Tile } from './work/mandelbrot.js'
import { prove } from './work/proof.js'

/** What the compute thread is asked to do. */
export type Job =
  | { readonly type: 'count-words'; readonly text: string }
  | { readonly type: 'mandelbrot'; readonly tile: Tile }
  | { readonly type: 'prove'; readonly seed: number }
  | { readonly type: 'crash' }
  | { readonly type: 'hang' }

/** The demo's heavy work, in a thread of its own, so that neither the page nor the mesh waits for it. */
export class Compute extends GenServer {
  override handleCall(job: Job): WordCounts | Uint8Array | number {
    switch (job.type) {
      case 'count-words':
        return countWords(job.text)
      case 'mandelbrot':
        return drawTile(job.tile)
      case 'prove':
        return prove(job.seed)
      case 'crash':
        throw new Error('the demo asked this thread to crash')
      case 'hang':
        for (;;);
    }
  }
}
