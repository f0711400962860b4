/**
 * What is done with frames that no honest peer sends. A link is closed where nothing after the
 * frame can be trusted to mean what it says; a message is dropped and counted where the stream
 * around it is intact. No state changes in either case, and nothing here can end the process.
 *
 * | what arrives | what is done | name |
 * | --- | --- | --- |
 * | a frame over `limits.frameBytes` | link closed | `frame-too-large` |
 * | bytes that are no message: truncated, trailing bytes, too deep, lengths that lie, `__proto__` keys, unknown code, a field of the wrong type | link closed | `malformed-frame` |
 * | a well-formed message that is not for links | link closed | `unexpected-message` |
 * | a greeting in another protocol version | link closed, and none opened again for a while | `protocol-mismatch` |
 * | a greeting that knows a session we never had | link closed | `bad-greeting` |
 * | an acknowledgement of what was never sent | link closed | `bad-acknowledgement` |
 * | parts that skip numbers | link closed | `gap` |
 * | a piece that does not continue its message, or is needlessly small | link closed | `bad-piece` |
 * | parts before a greeting, or of an earlier session | frame dropped | `ungreeted` |
 * | a greeting of an earlier session | frame dropped | `stale-greeting` |
 * | inside a good frame, a message that is malformed, unknown or not for peers | message dropped | `bad-message` |
 * | a dial's payload that is malformed, or one too many of a dial, or of a dial too many | dropped | `bad-dial` |
 * | a frame or payload of a peer that is not connected here | dropped (payloads are kept for a while) | `stranger` |
 */
export type Refusal =
  | 'frame-too-large'
  | 'malformed-frame'
  | 'unexpected-message'
  | 'protocol-mismatch'
  | 'bad-greeting'
  | 'bad-acknowledgement'
  | 'gap'
  | 'bad-piece'
  | 'ungreeted'
  | 'stale-greeting'
  | 'bad-message'
  | 'bad-dial'
  | 'stranger'
