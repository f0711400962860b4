import { readFileSync } from 'node:fs'
import { InvalidOption } from '../src/errors/index.js'
import type { LogLevel } from '../src/runtime/index.js'
import { keyOf, loadConfiguration } from './configuration.js'
import { refuseConflicts } from './conflicts.js'
import { mintToken, type TokenOptions } from './mint-token.js'
import { collectGarbageForLatency } from './node/collecting-garbage.js'
import { jsonLog } from './node/json-log.js'
import { withoutSecrets } from './options.js'
import { type SignalServer, startSignalServer } from './server.js'

/** What `ringmesh signal` takes on its command line, as commander names it. */
export interface SignalFlags {
  /** A JSON file of options. */
  config?: string
  port?: number
  host?: string
  path?: string
  open?: boolean
  key?: string
  jwks?: string
  redis?: string
  /** Origins that pages may connect from. */
  origin?: string[]
  trustedProxies?: number
  /** `name=value`, such as `peersPerRoom=64`. */
  limit?: string[]
  /** Print the effective configuration, without secrets, and end. */
  printConfig?: boolean
  logLevel?: LogLevel
}

/**
 * `ringmesh signal`: puts the configuration together from file, environment and flags, starts the
 * server, prints its URL on standard output and its log, a JSON object a line, on standard error. SIGTERM
 * and SIGINT drain it; a second one ends it at once. The process is taken to be the server's alone.
 *
 * @returns the server, or undefined where only the configuration was wanted
 * @throws {InvalidOption} for anything wrong in file, environment or flags, or a port that is taken
 */
export async function runSignal(flags: SignalFlags = {}): Promise<SignalServer | undefined> {
  const { config, printConfig, logLevel, origin, limit, ...rest } = flags
  const configuration = loadConfiguration({
    file: config,
    environment: process.env,
    flags: { ...rest, origins: origin, limits: limit && limitsOf(limit) },
  })
  if (printConfig) {
    // As the server would, which is not started for this.
    refuseConflicts(configuration, true)
    process.stdout.write(`${JSON.stringify(withoutSecrets(configuration), null, 2)}\n`)
    return undefined
  }
  collectGarbageForLatency()
  // Whoever reads the log may end, and a log that nobody reads is no reason to end as well.
  process.stderr.on('error', () => {})
  const log = jsonLog((line) => process.stderr.write(line), levelOf(logLevel))
  const server = await startSignalServer({ ...configuration, log } as Parameters<typeof startSignalServer>[0])
  process.stdout.write(`${server.url}\n`)
  let asked = 0
  const stop = (): void => {
    const stopped = ++asked === 1 ? server.stop() : server.close()
    stopped.then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return server
}

/** What `ringmesh token` takes on its command line. */
export interface TokenFlags extends Omit<TokenOptions, 'privateKey'> {
  /** A file with the private key, a JWK or PEM. */
  privateKey?: string
}

/**
 * `ringmesh token`: mints a token and prints it on standard output.
 *
 * @throws {InvalidOption} for a wrong flag, or a key that cannot be read
 */
export async function runToken({ privateKey, ...flags }: TokenFlags): Promise<void> {
  const key = flags.key ?? (privateKey === undefined ? keyOf(process.env) : undefined)
  const token = await mintToken({
    ...flags,
    ...(key === undefined ? {} : { key }),
    ...(privateKey === undefined ? {} : { privateKey: keyIn(privateKey) }),
  })
  process.stdout.write(`${token}\n`)
}

function keyIn(file: string): string | Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new InvalidOption('token --private-key', file, `must be a key file (${(error as Error).message})`)
  }
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch {
    // What the parser says quotes the key.
    throw new InvalidOption('token --private-key', file, 'must be a key file, a JWK or PEM')
  }
}

function limitsOf(pairs: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^(\w+)=(\d+)$/.exec(pair) ?? []
      if (name === undefined) throw new InvalidOption('signal --limit', pair, 'must be name=value')
      return [name, Number(value)]
    }),
  )
}

function levelOf(level: string = 'info'): LogLevel {
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level
  throw new InvalidOption('signal --log-level', level, 'must be debug, info, warn or error')
}
