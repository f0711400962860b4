/** simple-peer makes Buffers of frames that go through its stream, and none do. */
export const Buffer = {
  from(): never {
    throw new TypeError('frames are taken from the data channel, not from the stream')
  },
}
