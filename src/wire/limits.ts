/** What a peer may send at most. Checked on the raw bytes, before anything is parsed. */
export const limits = {
  /**
   * Bytes in one channel message. RFC 8831 promises 16 KiB between any two browsers without
   * blocking other streams; Chromium throws above 256 KiB.
   */
  frameBytes: 64 * 1024,
  /** Bytes in one encoded message once its pieces are put together: a value of 1 MiB and its envelope. */
  messageBytes: 8 * 1024 * 1024,
  /** Nesting of arrays and maps in a value: deep enough for any document, shallow enough for any stack. */
  valueDepth: 64,
  /** Elements of one array or map in a value. */
  valueElements: 1_000_000,
  /** Characters in a peer's id, a room's name, a key's name. */
  nameLength: 1024,
} as const
