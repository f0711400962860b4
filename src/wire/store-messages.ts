import * as v from 'valibot'
import { defineMessage, priorities } from './message.js'
import { peerId } from './peer.js'

const { call, bulk } = priorities

const bytes = (most: number) =>
  v.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.byteLength <= most,
    `must be at most ${most} bytes`,
  )
const store = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
/** A key: at most 1 KiB as UTF-8, which is at most as many characters. */
const key = v.pipe(v.string(), v.maxLength(1024))
/** 48 bits of milliseconds and 16 of a counter in hexadecimal, a dash, the id of the writing peer. */
const version = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}-[\w-]{1,64}$/, 'must be a version'))
/** A version, and for values that merge a hash of the content: names one state of a record exactly. */
const mark = v.pipe(v.string(), v.maxLength(128))
/** 0: the later write wins; 1 counter, 2 set, 3 map; 4: a merge of the application's own. */
const kind = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4))
const replicas = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))
/** A packed value or state; null where the key was deleted. */
const content = v.nullable(bytes(4 * 1024 * 1024))
const digest = v.pipe(v.string(), v.maxLength(64))
const exchange = v.pipe(v.number(), v.integer(), v.minValue(0))
const wallClock = v.pipe(v.number(), v.finite(), v.minValue(0))
const span = v.pipe(v.number(), v.finite(), v.minValue(0))
const statuses = bytes(1024)
const position = v.strictTuple([store, replicas, key, mark])
const positions = v.pipe(v.array(position), v.maxLength(1024))
const record = v.strictTuple([store, replicas, key, kind, version, content])
const records = v.pipe(v.array(record), v.maxLength(1024))
const hashes = bytes(512)

/** Sharded state: writing and reading keys, moving copies, comparing replicas, watching. */
export const storeMessages = [
  /**
   * Keep this record. `expected`: only where the version held is this one, or none is held when
   * it is empty; null for always. Answered by `store.stored`.
   */
  defineMessage(32, 'store.put', call, {
    store,
    replicas,
    key,
    kind,
    version,
    content,
    durable: v.boolean(),
    expected: v.nullable(v.union([version, v.literal('')])),
  }),
  /** How a put went; `stays`: the peer is not about to leave. A conflict brings the record that is held instead. */
  defineMessage(33, 'store.stored', call, {
    status: v.picklist(['stored', 'conflict', 'ahead', 'full']),
    stays: v.boolean(),
    durable: v.boolean(),
    version: v.nullable(version),
    content,
    clock: wallClock,
  }),
  /** What do you hold under this key? Answered by `store.found`. */
  defineMessage(34, 'store.get', call, { store, replicas, key }),
  /** `settled`: an owner that has everything it should have, so that nothing found means nothing there. */
  defineMessage(35, 'store.found', call, {
    kind,
    version: v.nullable(version),
    content,
    settled: v.boolean(),
  }),
  /**
   * I hold these. Answered by `store.offered`, one status each. `absent`: the copies come from
   * storage that was out of the mesh since then (wall clock), so a key unknown may be a key deleted.
   */
  defineMessage(36, 'store.offer', bulk, { exchange, absent: v.nullable(wallClock), positions }),
  defineMessage(37, 'store.offered', bulk, { exchange, statuses }),
  /** Keep these. Answered by `store.transferred`, one status each. */
  defineMessage(38, 'store.transfer', bulk, { exchange, records }),
  defineMessage(39, 'store.transferred', bulk, { exchange, statuses }),
  /** Tell me, by `store.covered`, when you have sent me everything that is mine under these rings. */
  defineMessage(40, 'store.cover', call, { view: digest, next: digest }),
  /** `born`: since when (wall clock) the state of this mesh has lived without a gap. */
  defineMessage(41, 'store.covered', call, { born: wallClock, clock: wallClock }),
  /** Compare what we both own: hashes of the 64 branches, or of the 64 leaves of one branch. */
  defineMessage(42, 'store.compare', call, {
    view: digest,
    branch: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(63))),
    hashes,
  }),
  /** Which of them differ; null when the views do, or the answering peer is still sorting its keys. */
  defineMessage(43, 'store.differences', call, {
    differing: v.nullable(
      v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(63))), v.maxLength(64)),
    ),
  }),
  /** In these leaves we differ: I offer you what I hold there, do the same. */
  defineMessage(44, 'store.leaves', bulk, {
    view: digest,
    leaves: v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4095))),
      v.maxLength(4096),
    ),
  }),
  /** Tell me of changes of a key, or of all keys with a prefix. Repeated to renew; answered by `store.watching`. */
  defineMessage(46, 'store.watch', call, {
    watch: exchange,
    store,
    key: v.nullable(key),
    prefix: v.nullable(key),
    mark: v.nullable(mark),
  }),
  defineMessage(47, 'store.watching', call, {}),
  defineMessage(48, 'store.unwatch', call, { watch: exchange }),
  /** These changed, or are there since before the watch. */
  defineMessage(49, 'store.changed', call, { watch: exchange, records }),
  /** A page of what you hold, in the order of the keys, after `after`. Answered by `store.listed`. */
  defineMessage(50, 'store.list', call, { store, prefix: key, after: v.nullable(key) }),
  defineMessage(51, 'store.listed', call, { records, more: v.boolean() }),
  /** Do you hold exactly these tombstones, and own them? Answered by `store.agreed`. */
  defineMessage(52, 'store.collect', bulk, { exchange, view: digest, positions }),
  defineMessage(53, 'store.agreed', bulk, { exchange, statuses }),
  /** Every owner agreed: forget these tombstones, where they are still what you hold. */
  defineMessage(54, 'store.forget', bulk, { positions }),
  /** What does your machine's clock say? Answered by `store.time`. */
  defineMessage(55, 'store.clock', call, {}),
  defineMessage(56, 'store.time', call, { clock: wallClock }),
  /**
   * These went without leaving and may come back: since how many milliseconds, and for how many more they are
   * reckoned with. `forgotten`: the age in milliseconds of the latest deletion of which no tombstone is left.
   */
  defineMessage(57, 'store.missing', call, {
    peers: v.pipe(v.array(v.strictTuple([peerId, span, span])), v.maxLength(1000)),
    forgotten: v.nullable(span),
  }),
] as const
