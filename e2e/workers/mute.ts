/** Loads well and never serves anybody. */
setInterval(() => {}, 1_000)

export {}
