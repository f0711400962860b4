/**
 * Every number of the membership protocol: its unit, why it has that value, and where it comes from.
 *
 * Sources: SWIM (Das, Gupta, Motivala 2002); Lifeguard (Dadgar, Phillips, Currey 2018); RFC 6298
 * (computing a retransmission timer); DESIGN.md, section Membership, with its measurements of
 * Chromium.
 */

/** Milliseconds between two probes by one peer. DESIGN.md: half a crash timer, and 8 bytes a second. */
export const PROBE_PERIOD = 2_000

/**
 * Peers, this one included, up to which everybody pings everybody in each period: 7 pings of ten
 * bytes cost less than what a shuffled round would lose in time. DESIGN.md.
 */
export const ALL_TO_ALL = 8

/** Milliseconds a probe is given at least, all tries included. DESIGN.md. */
export const PROBE_TIMEOUT = 1_000

/** Times the 99th percentile of the round trip that a probe is given, all tries included. DESIGN.md. */
export const PROBE_ROUND_TRIPS = 4

/**
 * Milliseconds a probe is given at most, before the health multiplier: two periods. A longer
 * round trip than a second is congestion, and waiting for it would blind the prober.
 */
export const PROBE_TIMEOUT_LIMIT = 4_000

/** Times the 99th percentile of the round trip after which the second try starts: the answer is late, not lost, in one of a hundred. */
export const SECOND_TRY_ROUND_TRIPS = 1.5

/** Milliseconds before a second try at least: half of PROBE_TIMEOUT, so that the second try has as long as the first. */
export const SECOND_TRY_AFTER = 500

/** Times the 99th percentile of the round trip that the second try is given at least: two legs, and a quarter more. */
export const INDIRECT_ROUND_TRIPS = 2.5

/** Peers asked to probe for us. SWIM's k; three as in DESIGN.md and in Lifeguard's experiments. */
export const INDIRECT_PROBES = 3

/** Times the 99th percentile of its round trip that a helper waits before its nack: it must be back before the asker gives up. */
export const NACK_ROUND_TRIPS = 1.25

/** Probes run for others at one time. More are not answered: a limit against hostile peers. */
export const ERRANDS_LIMIT = 64

/** Periods of the shortest suspicion, before the factor for the cluster's size. DESIGN.md: 3 · max(1, log10 N) · 2 s. */
export const SUSPICION_PERIODS = 3

/** Times the shortest suspicion that one lasts while nobody confirms it. DESIGN.md; Lifeguard has 6. */
export const SUSPICION_SPREAD = 4

/** Independent confirmations that bring a suspicion down to the shortest. Lifeguard's K; DESIGN.md. */
export const CONFIRMATIONS = 3

/**
 * log(c + 1) / log(CONFIRMATIONS + 1) for c = 0 to 3: how far c confirmations bring a suspicion from its longest to
 * its shortest time (Lifeguard, section IV B). A table, as Math.log differs between engines in the last bit.
 */
export const CONFIRMATION_WEIGHTS = [0, 0.5, 0.7925, 1] as const

/** log10 of 1 to 10, for the same reason; between them a straight line is near enough. */
export const LOGARITHMS = [0, 0.301, 0.4771, 0.6021, 0.699, 0.7782, 0.8451, 0.9031, 0.9542, 1] as const

/**
 * Milliseconds for which a parked peer may be silent, at least. A hidden page holds no primary range, so haste gains
 * nothing, and Chromium may freeze it; its RTCPeerConnection comes back after 20 s of freezing
 * (DESIGN.md), and 60 s covers a page that the browser wakes once a minute (its intensive throttling).
 */
export const PARKED_PATIENCE = 60_000

/** Milliseconds before the end of a suspicion at which the suspect is pinged once more by each that is about to bury it. */
export const LAST_CALL = 2_000

/** The largest health multiplier. Lifeguard's S. */
export const HEALTH_LIMIT = 8

/** Milliseconds by which a timer may be late and still prove something. DESIGN.md: a hidden tab is given one tick a second. */
export const LATE_TIMER = 1_000

/** Periods without a sign of our own life, above which we slept. DESIGN.md. */
export const WAKE_PERIODS = 2.5

/** Milliseconds after a sleep in which this peer gives no verdict. DESIGN.md: three periods. */
export const WAKE_SILENCE = 6_000

/** Peers asked for a push-pull on waking: any of them may itself sleep. */
export const WAKE_SYNCS = 3

/** Milliseconds a probe after a hint is given at most. DESIGN.md: dead after 1 s and two votes. */
export const HINT_TIMEOUT = 1_000

/** Milliseconds a probe after a hint is given at least: far above the scheduling jitter of a busy tab. */
export const HINT_TIMEOUT_LEAST = 500

/** Times the 99th percentile of the round trip that a probe after a hint is given: of a hundred answers one is later, of ten thousand two. */
export const HINT_ROUND_TRIPS = 1.1

/** Milliseconds for which a hint counts: the probes of all groups and their votes, and 2 s for the ways between. */
export const HINT_LIFE = 6_000

/** Votes that turn a hint into a verdict. DESIGN.md. */
export const HINT_VOTES = 2

/** Successors on the circle of ids that probe at once when a hint comes, and that probe a peer regularly. DESIGN.md. */
export const HINT_PROBERS = 3

/** Further groups of that many successors, each waiting HINT_TIMEOUT longer than the one before, should all before it sleep. */
export const HINT_GROUPS = 3

/** News that ride on one ping or ack. DESIGN.md. */
export const PIGGYBACK = 8

/** News in one message of gossip alone: 1 KiB, which a crowd that comes or goes at once needs. */
export const GOSSIP_NEWS = 32

/** Times ⌈log10(N + 1)⌉ that one piece of news is sent by each peer. DESIGN.md; SWIM's λ. */
export const RETRANSMITS = 4

/**
 * How often a piece of news is sent by one that has it from the peer itself: that peer has told all
 * that it can reach, and only those few that it missed are left. Two reach 86 of 100 of them; the
 * push-pull finds the rest.
 */
export const RETRANSMITS_OF_OWN_WORD = 2

/** Milliseconds between two rounds of gossip while something is queued. DESIGN.md. */
export const GOSSIP_PERIOD = 500

/** Peers to which one round of gossip goes. DESIGN.md. */
export const GOSSIP_FANOUT = 3

/**
 * Peers that a peer tells itself what it has to say of itself (that it is ready, parked, back): all,
 * as the 500 connections that Chromium allows a page are the most there can be. One message of 40
 * bytes to each is a tenth of what gossip would cost, and one way instead of several.
 */
export const OWN_WORD_LIMIT = 512

/** Peers up to which a vote goes to all: 64 messages of 40 bytes, 2.5 KiB. With more, it goes by gossip. */
export const VOTE_LIMIT = 64

/** Milliseconds between two push-pulls that one peer starts. DESIGN.md. */
export const SYNC_PERIOD = 30_000

/** Milliseconds that a table must have been unchanged before a differing digest starts a push-pull: gossip gets its time first. */
export const SYNC_SETTLED = 3_000

/** Milliseconds between two push-pulls that one peer starts because of a differing digest. */
export const SYNC_PAUSE = 2_000

/** Buckets of the push-pull digest: 32 of them cost 160 bytes, and their differences fit one integer. */
export const BUCKETS = 32

/** Claims in one message of a table: 6 KiB with 60 bytes each, below the 16 KiB that RFC 8831 promises. */
export const TABLE_CLAIMS = 96

/** Milliseconds for which a dead peer is called, in case that it was only cut off. Later the signalling server reintroduces it. */
export const KNOCK_TIME = 600_000

/** Dead peers called at once when one of them came back: a partition has healed, and the others wait behind it. */
export const KNOCK_BURST = 8

/**
 * By how much a peer's incarnation may grow at once by the word of others. It grows by one with
 * each thing that the peer says, and one cut off for an hour has said less than this; a claim beyond is
 * hostile, made so that the peer can never outbid it. Where one is believed all the same (by a
 * newcomer, or step by step), the peer does not outbid it: its own word, that much lower, takes it back.
 */
export const INCARNATION_LEAP = 1_024

/** Milliseconds between two such bursts, and between two answers to the same dead or unknown peer. */
export const REPLY_PAUSE = 500

/** Milliseconds for which the dead and departed are remembered. As for the tombstones of the sharded state (DESIGN.md). */
export const GONE_TIME = 3_600_000

/**
 * Milliseconds from a departure for which what still comes of that peer is merely late: it has closed its links a second
 * after its goodbye, and no way that is planned for is longer than that. Who speaks after it was lied about.
 */
export const LATE_WORDS = 5_000

/** Dead and departed peers remembered at most; the oldest are forgotten first. */
export const GONE_LIMIT = 4_096

/** Peers in a cluster at most: eight times what the design is measured for. */
export const MEMBERS_LIMIT = 4_096

/** Introductions that may wait for an answer. */
export const CONTACTS_LIMIT = 1_024

/** Greetings sent to a peer that was introduced, one a period: 30 s, as long as joining may take. */
export const CONTACT_TRIES = 15

/** Greetings repeated in one period. */
export const CONTACTS_AT_ONCE = 16

/** Push-pulls that a joining peer starts with the first peers that answer its greeting: one may sleep, one may be new itself. */
export const JOIN_SYNCS = 2

/** Returns (from hiding, or from a false death) within FLAP_MEMORY that are free. */
export const FLAPS_FREE = 4

/** Milliseconds after which one return is forgotten. */
export const FLAP_MEMORY = 30_000

/** Milliseconds that the first return beyond the free ones waits as parked; each further one doubles it (as BGP's route flap damping, RFC 2439, suppresses). */
export const FLAP_DELAY = 5_000

/** Milliseconds that a return waits at most: as long as hints are kept for a peer. */
export const FLAP_DELAY_LIMIT = 300_000

/** Weight of a new sample in the smoothed round trip. RFC 6298's alpha. */
export const ROUND_TRIP_GAIN = 1 / 8

/** One step of the estimate of the 99th percentile, in smoothed round trips: 99 of them are an eighth, as RFC 6298's gain. */
export const PERCENTILE_STEP = 1 / 8 / 99

/** Smoothed round trips above which the 99th percentile is an outlier's doing, and is let go of faster. RFC 6298 waits for one and four deviations. */
export const OUTLIER_FACTOR = 4

/** The part of that excess that each sample takes away: it is gone after some hundred. */
export const OUTLIER_DECAY = 1 / 16

/** Samples of one peer after which its own round trips are believed, rather than those of all peers together. */
export const ROUND_TRIP_SAMPLES = 16

/** Milliseconds taken for a round trip while too few were measured: the longest of the network that this project is judged in. */
export const ROUND_TRIP_GUESS = 800
