import { ClassicLevel } from 'classic-level'
import type { Change, Persistence } from '../persistence.js'
import { makeFolder } from './make-folder.js'

export interface LevelPersistenceOptions {
  /** The folder of the database; made when it is not there. One process at a time may have it open. */
  directory: string
}

/** Entries read in one go while loading. */
const readLength = 1_000

/** Error codes of a disk without room, as libuv and LevelDB spell them. */
const noRoom = /ENOSPC|EDQUOT|No space left|Disk quota exceeded/i

/**
 * Storage in LevelDB by classic-level, for edge workers. A durable write is flushed by fsync, so it
 * outlives SIGKILL and a power failure; others outlive the process but perhaps not the machine.
 *
 * @throws {Error} when the folder cannot be used: it is no folder, may not be written, or another process has it open
 */
export async function levelPersistence({ directory }: LevelPersistenceOptions): Promise<Persistence> {
  await makeFolder(directory)
  const database = new ClassicLevel<string, Uint8Array>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
  })
  await database.open().catch((error: Error & { cause?: { code?: string } }) => {
    // LevelDB's own words for it are "Resource temporarily unavailable".
    throw error.cause?.code === 'LEVEL_LOCKED'
      ? new Error('another process, or another mesh of this one, has it open')
      : error
  })

  async function load(entry: (key: string, value: Uint8Array) => void): Promise<void> {
    const iterator = database.iterator()
    try {
      for (;;) {
        const entries = await iterator.nextv(readLength)
        if (entries.length === 0) return
        // A copy: LevelDB's buffers are slices of larger ones, which a kept slice would keep alive.
        for (const [key, value] of entries) entry(key, new Uint8Array(value))
      }
    } finally {
      await iterator.close()
    }
  }

  async function write(batch: readonly Change[], durable: boolean): Promise<void> {
    const operations = batch.map(([key, value]) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    )
    await database.batch(operations, { sync: durable })
  }

  /**
   * One after the other, as LevelDB's own threads finish writes in any order. What the store has to write meanwhile it
   * gathers in its next batch, so nothing is slower for it.
   */
  let last: Promise<void> = Promise.resolve()
  function inTurn(work: () => Promise<void>, done: (error: Error | undefined) => void): void {
    const turn = last.then(work)
    last = turn.catch(() => {})
    turn.then(
      () => done(undefined),
      (error: unknown) => done(asError(error)),
    )
  }

  return {
    durable: true,
    load: (entry, done) => inTurn(() => load(entry), done),
    write: (batch, durable, done) => inTurn(() => write(batch, durable), done),
    close: (done) =>
      inTurn(
        () => database.close(),
        () => done(),
      ),
  }
}

function asError(thrown: unknown): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const cause = error.cause instanceof Error ? error.cause.message : ''
  if (noRoom.test(`${error.message} ${cause}`)) {
    return Object.assign(new Error(error.message, { cause: error }), { name: 'QuotaExceededError' })
  }
  return error
}
