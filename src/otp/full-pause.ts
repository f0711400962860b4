/** Milliseconds after which what found a queue full is sent again: 4 MiB leave in about so long at 40 MB/s. */
export const fullPause = 100
