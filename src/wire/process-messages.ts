import * as v from 'valibot'
import { limits } from './limits.js'
import { defineMessage, priorities } from './message.js'
import { peerId } from './peer.js'

const { call, control, bulk } = priorities
const bytes = v.instance(Uint8Array)
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** The number of a process on its peer. */
const processId = v.pipe(v.string(), v.minLength(1), v.maxLength(32))
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(limits.nameLength))
/** The most names or placed processes in one message; more are sent in several. */
const entriesPerMessage = 1_000
const list = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item), v.maxLength(entriesPerMessage))
const placed = { placed: name, key: name }

/**
 * Between the processes of two peers. Values (`body`, `args`, `snapshot`) and exit reasons are
 * packed and never read on the way. All but answers go by one ordered stream a pair of peers, which
 * is what makes the order of each sender hold.
 */
export const processMessages = [
  /** Call `process`; the answer is a `process.reply` or `process.fail` with the same number. `timeout` in ms, 0 for none. */
  defineMessage(80, 'process.call', call, { call: count, process: processId, timeout: count, body: bytes }),
  /** For `handleCast` of `process`, or with `info` for its `handleInfo`. */
  defineMessage(81, 'process.cast', call, { process: processId, info: v.boolean(), body: bytes }),
  /** The call number `call`, which was made on your side, is answered. */
  defineMessage(82, 'process.reply', call, { call: count, body: bytes }),
  /** The call number `call` will not be answered, and why. */
  defineMessage(83, 'process.fail', call, { call: count, reason: bytes }),
  /** An exit signal to `process` from my process `from`; `linked`: because it ended, by their link. */
  defineMessage(84, 'process.exit', call, {
    process: processId,
    from: processId,
    reason: bytes,
    linked: v.boolean(),
  }),
  /** Have `process` run its `terminate` and end. */
  defineMessage(85, 'process.stop', call, { process: processId, reason: bytes }),
  /** Tell me by `process.down` with this number when `process` has ended. */
  defineMessage(86, 'process.monitor', call, { monitor: count, process: processId }),
  defineMessage(87, 'process.demonitor', call, { monitor: count }),
  defineMessage(88, 'process.down', call, { monitor: count, reason: bytes }),
  /** My process `from` is now linked with your `process`. */
  defineMessage(89, 'process.link', call, { process: processId, from: processId }),
  defineMessage(90, 'process.unlink', call, { process: processId, from: processId }),

  /** To the ring owner of `name`: I want it for my `process`. Answered by `process.claimed`. */
  defineMessage(91, 'process.claim', control, { name, process: processId }),
  /** The holder of the name, where it is taken; null: it is yours. */
  defineMessage(92, 'process.claimed', control, {
    holder: v.nullable(v.strictObject({ peer: peerId, id: processId })),
  }),
  /** My processes have these names. Answered by `process.taken`, so that the start can wait for all. */
  defineMessage(93, 'process.names', control, { names: list(v.strictObject({ name, process: processId })) }),
  defineMessage(94, 'process.taken', control, {}),
  /** My `process` does not have the name any more. */
  defineMessage(95, 'process.unname', control, { name, process: processId }),
  /** Does `process` live on your side? Answered by `process.alive`. */
  defineMessage(96, 'process.probe', control, { process: processId }),
  defineMessage(97, 'process.alive', control, { alive: v.boolean() }),
  /** I am joining: what names and placed processes do you know of? Answered by `process.listing`. */
  defineMessage(98, 'process.directory', control, { after: v.nullable(name) }),
  /** Names after `after` in the order of strings; `more`: ask again from the last one on. */
  defineMessage(99, 'process.listing', control, {
    names: list(v.strictObject({ name, peer: peerId, process: processId })),
    more: v.boolean(),
  }),

  /** I can host processes that are placed under these names. */
  defineMessage(100, 'placed.types', control, { types: list(name) }),
  /** To the owner of `key`: have it run. Answered by `placed.ensured`. */
  defineMessage(101, 'placed.ensure', control, { ...placed, args: bytes }),
  /** It runs there (`elsewhere` null), or ask `elsewhere`, or it did not start and why. */
  defineMessage(102, 'placed.ensured', control, {
    elsewhere: v.nullable(v.pipe(v.string(), v.maxLength(64))),
    reason: v.nullable(bytes),
    /** Its number there, when it runs. */
    process: v.nullable(processId),
  }),
  /** These run on my side, in these epochs. */
  defineMessage(103, 'placed.at', control, {
    entries: list(v.strictObject({ ...placed, epoch: count, process: processId })),
  }),
  /** It has ended for good, or is now with another owner, in the epoch after this one. */
  defineMessage(104, 'placed.gone', control, {
    ...placed,
    epoch: count,
    now: v.nullable(v.strictObject({ owner: peerId, process: processId })),
  }),
  /** A message to a placed process. `sequence` counts those from `origin` to it; `hops` bounds forwarding. */
  defineMessage(105, 'placed.message', call, {
    ...placed,
    origin: peerId,
    sequence: count,
    hops: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(16)),
    kind: v.picklist(['call', 'cast', 'info']),
    call: count,
    timeout: count,
    body: bytes,
  }),
  /** The answer of a placed process in `epoch`, which is refused when a later one is known. `ok` false: `body` is a reason. */
  defineMessage(106, 'placed.reply', call, {
    ...placed,
    epoch: count,
    call: count,
    ok: v.boolean(),
    body: bytes,
  }),
  /** Your call is now in the hands of `owner`. */
  defineMessage(107, 'placed.moved', call, { call: count, owner: peerId }),
  /** Take it over: run it in `epoch` from `snapshot`. Answered by `placed.ensured`. */
  defineMessage(108, 'placed.take', bulk, {
    ...placed,
    epoch: count,
    args: bytes,
    snapshot: bytes,
    /** The next number expected from each origin, packed. */
    sequences: bytes,
  }),
  /** The snapshot of a process that lost its name, or its epoch, to yours. Answered by `process.taken`. */
  defineMessage(109, 'process.merge', bulk, { process: processId, snapshot: bytes }),

  /** The supervision trees of your page, please. Answered by `process.trees`. */
  defineMessage(110, 'process.tree', bulk, {}),
  defineMessage(111, 'process.trees', bulk, { body: bytes }),

  /**
   * All names of my processes from `after` (null: from the first) to the last one here, or without
   * `more` to the end: whatever else of mine you hold between them is stale. `wants`: I may not know
   * yours, tell me too. Answered by `process.taken`.
   */
  defineMessage(128, 'process.roster', control, {
    after: v.nullable(name),
    names: list(v.strictObject({ name, process: processId })),
    more: v.boolean(),
    wants: v.boolean(),
  }),
  /** As `process.claim`, by one who knows that the holder named before has `ended`. Answered by `process.claimed`. */
  defineMessage(129, 'process.reclaim', control, {
    name,
    process: processId,
    ended: v.strictObject({ peer: peerId, id: processId }),
  }),
] as const
