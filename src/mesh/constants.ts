/** Milliseconds that the work before `alive` may take: a peer with a slow partner must not stay `joining` for ever (DESIGN, State, handoff 2). */
export const joiningBound = 30_000

/**
 * Milliseconds that the work before leaving may take. Half of the 20 s that browsers and process
 * supervisors commonly grant before they kill (systemd: 90 s, Kubernetes: 30 s, Heroku: 30 s).
 */
export const leavingBound = 10_000

/** Milliseconds in which the peers that were in the room must have told who else is there. */
export const greetingBound = 5_000

/**
 * Requests of one peer that may be unanswered here at once; more are refused as `busy`. A peer with
 * 8 puts in flight from each of 100 stores stays below it.
 */
export const servedAtOnce = 4096

/** Requests that this peer may have waiting at once, all peers together; more fail at once as `refused: busy`. */
export const askedAtOnce = 65_536

/**
 * Milliseconds for which a link is kept to a peer that is no member and says nothing, as a dead one
 * that is being called: time for a dial and its first words. Membership calls one dead peer every
 * 2 s, so that at most eight are open at once.
 */
export const knockBound = 15_000

/**
 * Links to strangers at once: peers that speak and that nobody has introduced. The server tells who came before
 * it carries what they say, so that strangers are few; of made-up ones each takes a place for `knockBound`.
 */
export const strangersAtOnce = 32

/**
 * Peers at once that the server has announced and that have not answered: as many as a room of ringmesh's server takes
 * unless it is told otherwise, so that in such a room nobody waits. Each costs a link that is greeted through the server,
 * of which a lying one may announce any number.
 */
export const announcedAtOnce = 256

/**
 * Milliseconds of silence after which such a place passes on, where another waits for it: three greetings, and as long as
 * those who are here are waited for.
 */
export const announcedPatience = 5_000

/** Announced peers that wait for such a place: as many as a cluster may have. Of more some are forgotten, until they speak. */
export const announcedWaiting = 4_096

/** Milliseconds by which a timer may be late and still prove something: a hidden tab is given one tick a second. */
export const latestTimer = 1_000

/**
 * Milliseconds for which links stay open after the goodbye: closing a connection throws away what its
 * buffer holds. The slowest round trip that is planned for is 800 ms.
 */
export const goodbyeBound = 1000

/**
 * Milliseconds after a verdict of death for which a peer that leaves does not believe that it is alone, or that too few
 * are left to hand its keys to (src/store): who is not dead says so within two rounds of gossip and a round trip, a
 * second or two.
 */
export const alonePatience = 5_000

/** Milliseconds from the goodbye until the mesh says that it has left: a few frames leave any buffer in that time. */
export const goodbyeFlush = 200
