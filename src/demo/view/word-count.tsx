import { useEffect, useState } from 'preact/hooks'
import type { Count, Jobs } from '../jobs.js'
import type { WordCounts } from '../work/count-words.js'

/** Words in the table. */
const wordsShown = 50

/** Bytes of a file: a few thousand tasks. */
const mostBytes = 32 * 1024 ** 2

/** Refuses what is no text. */
const readable = new TextDecoder('utf-8', { fatal: true })

interface Shown {
  readonly count: Count
  readonly words: WordCounts
  readonly pieces: number
}

/** Drop a text in and the mesh counts its words; every tab shows the same table. */
export function WordCount({ jobs, nameOf }: { jobs: Jobs; nameOf: (id: string) => string }) {
  const [shown, setShown] = useState<Shown>()
  const [isOver, setOver] = useState(false)
  const [failure, setFailure] = useState<string>()
  useEffect(() => jobs.followCounts((count, words, pieces) => setShown({ count, words, pieces })), [jobs])

  const count = async (name: string, text: string): Promise<void> => {
    setFailure(undefined)
    try {
      await jobs.countWords(name, text, () => {})
    } catch (error) {
      setFailure(String(error))
    }
  }
  const countFile = async (file: File | null | undefined): Promise<void> => {
    if (!file) return
    if (file.size > mostBytes) return setFailure(`${file.name} is longer than ${mostBytes / 1024 ** 2} MiB`)
    try {
      await count(file.name, readable.decode(await file.arrayBuffer()))
    } catch {
      setFailure(`${file.name} is no text in UTF-8`)
    }
  }
  const countSample = async (): Promise<void> => {
    const response = await fetch('./sample.txt')
    const text = await response.text()
    await count(`${(text.length / 1_000_000).toFixed(1)} million characters of documentation`, text)
  }
  const isDone = shown !== undefined && shown.pieces === shown.count.pieces
  return (
    <section class="card" aria-label="Word count">
      <header>
        <h2>Count together</h2>
        <button type="button" onClick={countSample} data-testid="count-sample">
          Count a sample
        </button>
      </header>
      {/* biome-ignore lint/a11y/useSemanticElements: a place to drop a file, not a set of fields */}
      <div
        role="group"
        aria-label="Drop a text file"
        class={isOver ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          setOver(false)
          void countFile(event.dataTransfer?.files[0])
        }}
      >
        <label>
          Drop a text file here to count its words, or{' '}
          <input
            type="file"
            accept="text/*,.md,.csv,.json"
            onChange={(event) => void countFile(event.currentTarget.files?.[0])}
          />
        </label>
      </div>
      {failure && (
        <p class="note failure" role="alert">
          {failure}
        </p>
      )}
      {shown && (
        <>
          <p
            class="note"
            data-testid="count-state"
            data-pieces={shown.pieces}
            data-of={shown.count.pieces}
            data-done={isDone}
          >
            {isDone ? 'Counted' : 'Counting'} {shown.count.name}, given by {nameOf(shown.count.by)}:{' '}
            {shown.pieces} of {shown.count.pieces} pieces, {total(shown.words).toLocaleString('en')} words
          </p>
          <progress value={shown.pieces} max={shown.count.pieces} aria-label="Pieces counted" />
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <ol class="words scroll" data-testid="words" aria-label="The most frequent words" tabIndex={0}>
            {shown.words.slice(0, wordsShown).map(([word, times]) => (
              <li key={word} data-word={word} data-count={times}>
                <b>{word}</b> <span class="figure">{times}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  )
}

function total(words: WordCounts): number {
  let sum = 0
  for (const [, count] of words) sum += count
  return sum
}
