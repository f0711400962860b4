/** Milliseconds that another peer may take to answer; starting a process there has its own 5,000. */
export const requestTimeout = 8_000

/** Milliseconds between two tries: about a gossip round. */
export const retryDelay = 50
