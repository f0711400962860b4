// Random bytes as simple-peer takes them: only ever turned into hexadecimal text, as names of channels.
module.exports = (count) => {
  const bytes = crypto.getRandomValues(new Uint8Array(count))
  return { toString: () => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') }
}
