/** Milliseconds that another peer may take to answer about names; one that is silent for so long is soon suspect. */
export const namesTimeout = 2_000

/** Milliseconds that a peer may take to say whether a process of its own lives: less than its asker is given, who must answer another. */
export const probeTimeout = 1_500

/**
 * Milliseconds that a start may spend on its name, its `init` not counted. A peer that dies in silence
 * is suspect after about six seconds, and nobody waits for it any longer.
 */
export const registrationTime = 8_000

/** Milliseconds before a peer that had too much to do, or no room in its queue, is asked again. */
export const busyPause = 250
