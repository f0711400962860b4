/** How often each word occurs: pairs, the most frequent first, equals by the alphabet. */
export type WordCounts = [word: string, count: number][]

/** Letters and marks of any script, and apostrophes inside a word. */
const word = /[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*/gu

/** Counts the words of a text, without regard to case. */
export function countWords(text: string): WordCounts {
  const counts = new Map<string, number>()
  for (const [found] of text.matchAll(word)) {
    const lower = found.toLowerCase()
    counts.set(lower, (counts.get(lower) ?? 0) + 1)
  }
  return ranked(counts)
}

/** Adds counts up. */
export function mergeCounts(parts: Iterable<WordCounts>): WordCounts {
  const sums = new Map<string, number>()
  for (const part of parts) for (const [found, count] of part) sums.set(found, (sums.get(found) ?? 0) + count)
  return ranked(sums)
}

/** Pieces are at most this many times as long as asked: what has no space in so many characters is no text. */
const longest = 4

/** Cuts a text into pieces of about `size` characters, not inside a word unless it is longer than three pieces. */
export function* pieces(text: string, size: number): Generator<string> {
  let start = 0
  while (start < text.length) {
    const bound = Math.min(text.length, start + longest * size)
    let end = Math.min(text.length, start + size)
    while (end < bound && !/\s/.test(text.charAt(end))) end++
    yield text.slice(start, end)
    start = end
  }
}

function ranked(counts: ReadonlyMap<string, number>): WordCounts {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
}
