import type { Duplex } from 'node:stream'

/** Who is told what happens on a stream. */
export interface StreamOwner<Stream extends Duplex = Duplex> {
  data(chunk: Buffer, stream: Stream): void
  /** The peer has closed its half. */
  ended(stream: Stream): void
  /** The stream is gone, after an error or without one. */
  closed(stream: Stream): void
}

/** A closure for each stream would cost every idle peer 100 bytes. */
const owner = Symbol('owner')

type Owned = Duplex & { [owner]?: StreamOwner | undefined }

/**
 * Makes somebody the owner of a stream that has no other readers. A stream is handed on to another owner by the same
 * call, which costs nothing, where listeners taken off and put on would be a tenth of a join.
 */
export function own<Stream extends Duplex>(stream: Stream, by: StreamOwner<Stream>): void {
  const owned: Owned = stream
  const isNew = owned[owner] === undefined
  owned[owner] = by as unknown as StreamOwner
  if (!isNew) return
  stream.on('close', onClose)
  stream.on('end', onEnd)
  stream.on('error', ignored)
  stream.on('data', onData)
}

/** Leaves a stream to somebody who listens to all but its data, which still come to the owner. */
export function ownDataOnly(stream: Duplex): void {
  stream.removeListener('close', onClose)
  stream.removeListener('end', onEnd)
  stream.removeListener('error', ignored)
}

/** Leaves a stream to whoever listens to it. */
export function disown(stream: Duplex): void {
  ownDataOnly(stream)
  stream.removeListener('data', onData)
  ;(stream as Owned)[owner] = undefined
}

/** The listener for data that is not the owner's; it listens no more. */
export function takeDataListener(stream: Duplex): ((this: Duplex, chunk: Buffer) => void) | undefined {
  for (const listener of stream.listeners('data') as ((chunk: Buffer) => void)[]) {
    if (listener === onData) continue
    stream.removeListener('data', listener)
    return listener
  }
  return undefined
}

function onData(this: Owned, chunk: Buffer): void {
  this[owner]?.data(chunk, this)
}

function onEnd(this: Owned): void {
  this[owner]?.ended(this)
}

function onClose(this: Owned): void {
  this[owner]?.closed(this)
}

/** 'close' follows. */
function ignored(): void {}
