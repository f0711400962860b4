/** The code of `signal.join`, which every version of the protocol starts with; MessagePack's byte for it is the same. */
const joinCode = 112

/**
 * The version that a join of another version names, whatever else stands in it. No more than its start is looked at:
 * who sends nonsense sends much of it, and decoding it all cost a tenth of what a flood of it took.
 */
export function versionOfJoin(frame: Uint8Array): number | undefined {
  const start = startOfElements(frame)
  if (start === undefined || frame[start] !== joinCode) return undefined
  return integerAt(frame, start + 1)
}

/** Where the elements of a MessagePack array begin; undefined for anything else. */
function startOfElements(frame: Uint8Array): number | undefined {
  const mark = frame[0] as number
  if (mark >= 0x90 && mark <= 0x9f) return 1
  return mark === 0xdc ? 3 : mark === 0xdd ? 5 : undefined
}

/** A MessagePack integer of up to 32 bits: versions are counted from 1. */
function integerAt(frame: Uint8Array, at: number): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const mark = frame[at]
  if (mark === undefined || mark <= 0x7f) return mark
  const bytes = mark === 0xcc ? 1 : mark === 0xcd ? 2 : mark === 0xce ? 4 : undefined
  if (bytes === undefined || at + bytes >= frame.byteLength) return undefined
  if (bytes === 1) return view.getUint8(at + 1)
  return bytes === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1)
}
