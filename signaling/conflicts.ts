import { InvalidOption } from '../src/errors/index.js'
import { isLoopback } from './node/addresses.js'
import { defaultPeerJs, type SignalConfiguration } from './options.js'

/** Whether only this machine is let in: nobody has to show anything, and nobody said that this is meant. */
export function isLoopbackOnly({ open, key, jwks }: SignalConfiguration): boolean {
  return !open && key === undefined && jwks === undefined
}

/**
 * Refuses options that are each good and do not go together.
 *
 * @param listens - a server of our own is to listen; without, one is passed in that listens where it does
 * @throws {InvalidOption} for one that has to change
 */
export function refuseConflicts(configuration: SignalConfiguration, listens: boolean): void {
  const { host, key, previousKey, jwks, path } = configuration
  if (key !== undefined && jwks !== undefined) {
    throw new InvalidOption('signal.jwks', '(given)', 'must not be given together with key')
  }
  if (previousKey !== undefined && key === undefined) {
    throw new InvalidOption('signal.previousKey', '(given)', 'must be given together with key')
  }
  const peerjs = configuration.peerjs ?? defaultPeerJs
  if (peerjs && path === socketPath(peerjs)) {
    throw new InvalidOption('signal.path', path, 'must not be where PeerJS clients connect')
  }
  if (listens && isLoopbackOnly(configuration) && !isLoopback(host)) {
    throw new InvalidOption(
      'signal.host',
      host,
      'must be loopback unless a key is given, or open to let everybody in',
    )
  }
}

/** Where PeerJS clients open their sockets: below the path that they are given. */
export function socketPath({ path }: { readonly path: string }): string {
  return `${path.replace(/\/$/, '')}/peerjs`
}
