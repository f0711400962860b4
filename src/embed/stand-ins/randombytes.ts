/** Random bytes as simple-peer takes them: only ever turned into hexadecimal text, as names of channels. */
export default function randomBytes(count: number): { toString(): string } {
  const bytes = crypto.getRandomValues(new Uint8Array(count))
  return { toString: () => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') }
}
