/**
 * Whether `room` is meant by `pattern`, in which `*` stands for any characters, or none. Linear in
 * the two lengths' product at worst, as no pattern may tie a server up.
 */
export function matchesRoom(pattern: string, room: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0] as string
  const last = parts.at(-1) as string
  if (parts.length === 1) return pattern === room
  if (!room.startsWith(first) || !room.endsWith(last) || room.length < first.length + last.length)
    return false
  let at = first.length
  const end = room.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = room.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
