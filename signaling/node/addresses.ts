import { BlockList, isIP, isIPv6 } from 'node:net'
import type { UpgradeRequest } from './upgrade-lane.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether an address, or a host's name, stands for this machine only. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const address = plain(host)
  try {
    return loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  } catch {
    return false
  }
}

/**
 * Whom a request comes from. Behind `proxies` trusted proxies it is the entry of `X-Forwarded-For`
 * that the outermost of them wrote; what stands further left anybody may have made up.
 */
export function addressOf(request: UpgradeRequest, proxies: number): string {
  const own = plain(request.socket.remoteAddress ?? '')
  if (proxies === 0) return own
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  const entry = plain(withoutPort(forwarded.at(-proxies)?.trim() ?? ''))
  // A proxy that hides its clients, as by `unknown`, is counted itself: a limit has to hold for somebody.
  return isIP(entry) === 0 ? own : entry
}

/** Some proxies write the port as well (Azure's do), which differs for every connection; IPv6 then stands in brackets. */
function withoutPort(entry: string): string {
  const found = /^(?:\[([\da-fA-F:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/.exec(entry)
  return found?.[1] ?? found?.[2] ?? entry
}

/**
 * What a limit per address counts by: the address, or for IPv6 its /64, the least that one customer
 * is given (RFC 6177) and can therefore choose addresses from.
 */
export function addressGroup(address: string): string {
  if (!address.includes(':') || !isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0')
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`
}

/** IPv4 addresses in the clothes of IPv6 are undressed. */
export function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
