import { readFileSync } from 'node:fs'
import type * as v from 'valibot'
import { checkOptions, hiddenValue, InvalidOption } from '../src/errors/index.js'
import { type SignalConfiguration, signalOptions, signalSecrets } from './options.js'

/** What the variables start with: `RINGMESH_SIGNAL_PORT`, `RINGMESH_SIGNAL_LIMITS_PEERS_PER_ROOM`. */
const variablePrefix = 'RINGMESH_SIGNAL_'

/** After the name of a variable: it names the file that holds the value. */
const fileSuffix = '_FILE'

/** What decides who is let in. */
const admitting: ReadonlySet<string> = new Set(['key', 'jwks', 'audience', 'issuer', 'origins'])

type Environment = Readonly<Record<string, string | undefined>>

/** One option as it can be set from outside. */
export interface Setting {
  /** Where it stands in the options: `['limits', 'peersPerRoom']`. */
  readonly path: readonly string[]
  /** The environment variable that sets it; with `_FILE` after it, the file that holds its value. */
  readonly variable: string
  readonly type: 'string' | 'number' | 'boolean' | 'list' | 'json'
}

/** Where options come from, the later winning over the earlier. */
export interface ConfigurationSources {
  /** A JSON file of options. */
  readonly file?: string | undefined
  readonly environment?: Environment
  /** Options as flags have set them; undefined ones are not set. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Every option of {@link signalOptions}, read off the schema itself, so that none is forgotten here. */
export function settings(): Setting[] {
  return entriesOf(signalOptions, [])
}

/**
 * Puts the configuration together: defaults, then the file, then the environment, then flags.
 *
 * @throws {InvalidOption} naming the file, the variable or the option that is wrong
 */
export function loadConfiguration({
  file,
  environment = {},
  flags = {},
}: ConfigurationSources): SignalConfiguration {
  const options: Record<string, unknown> = file === undefined ? {} : readOptions(file)
  const all = settings()
  refuseUnknown(environment, all)
  /** Variables by which a whole is switched off. */
  const off = new Map<string, string>()
  for (const setting of all) {
    const { path, variable } = setting
    const text = textOf(setting, environment)
    if (text === undefined) continue
    const [whole = '', part] = path
    const switchedOff = part === undefined ? undefined : off.get(whole)
    if (switchedOff !== undefined) {
      throw new InvalidOption(variable, hiddenValue, `must not be given together with ${switchedOff}=false`)
    }
    const value = readValue(setting, text)
    if (value === false) off.set(whole, variable)
    place(options, path, value)
  }
  merge(options, flags)
  return checkOptions(signalOptions, options, 'signal', signalSecrets)
}

/** The key that a server with this environment would take tokens by; undefined for none. */
export function keyOf(environment: Environment): string | undefined {
  return textOf({ path: ['key'], variable: `${variablePrefix}KEY`, type: 'string' }, environment)
}

type Schema = v.GenericSchema & { readonly type: string }

function entriesOf(schema: Schema, path: readonly string[]): Setting[] {
  const bare = unwrapped(schema)
  if (bare.type === 'strict_object' && 'entries' in bare) {
    const entries = bare.entries as Readonly<Record<string, Schema>>
    return Object.entries(entries).flatMap(([name, entry]) => entriesOf(entry, [...path, name]))
  }
  const variable = variablePrefix + path.map(screaming).join('_')
  const setting: Setting = { path, variable, type: typeOf(bare) }
  // `false` or an object: the whole can be set, and each part of the object.
  const parts = bare.type === 'union' && 'options' in bare ? (bare.options as readonly Schema[]) : []
  const object = parts.map(unwrapped).find(({ type }) => type === 'strict_object')
  return object === undefined ? [setting] : [setting, ...entriesOf(object, path)]
}

/** The schema without its default and its checks. */
function unwrapped(schema: Schema): Schema {
  if (schema.type === 'optional' && 'wrapped' in schema) return unwrapped(schema.wrapped as Schema)
  if ('pipe' in schema && Array.isArray(schema.pipe) && schema.pipe[0] !== schema) {
    return unwrapped(schema.pipe[0] as Schema)
  }
  return schema
}

function typeOf(schema: Schema): Setting['type'] {
  switch (schema.type) {
    case 'string':
    case 'number':
    case 'boolean':
      return schema.type
    case 'array':
      return 'item' in schema && unwrapped(schema.item as Schema).type === 'string' ? 'list' : 'json'
    default:
      return 'json'
  }
}

function screaming(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

function readValue({ type, variable }: Setting, text: string): unknown {
  switch (type) {
    case 'number':
      // `Number` reads white space as 0, and `0x10` and `1e3` as what nobody meant.
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
    case 'boolean':
      if (text === '1' || text === 'true') return true
      if (text === '0' || text === 'false') return false
      throw new InvalidOption(variable, text, 'must be true or false')
    case 'list':
      return text.split(',').map((item) => item.trim())
    case 'json':
      // A URL where an object may stand as well, as for `jwks`.
      return /^\s*[[{]|^(true|false)$/.test(text) ? parsed(variable, text) : text
    default:
      return text
  }
}

/** @param shown - in the error in place of the text, and of what the parser says, which quotes it: secrets may stand in it */
function parsed(name: string, text: string, shown: string = hiddenValue, wanted = 'must be JSON'): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidOption(name, shown, wanted)
  }
}

function readOptions(file: string): Record<string, unknown> {
  const options = parsed('signal --config', read('signal --config', file), file, 'must be a file of JSON')
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOption('signal --config', file, 'must hold one object of options')
  }
  return options as Record<string, unknown>
}

/** A variable with a mistake in it would leave open what it was to close; its value is not shown, as it may be a secret. */
function refuseUnknown(environment: Environment, all: readonly Setting[]): void {
  const known = new Set(all.flatMap(({ variable }) => [variable, variable + fileSuffix]))
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !name.startsWith(variablePrefix) || known.has(name)) continue
    throw new InvalidOption(name, hiddenValue, 'names no option of the signalling server')
  }
}

/**
 * What a variable says, or the file that it names: secrets lie in files where they are mounted, as by Docker and
 * systemd, and an editor's last newline is none of theirs.
 *
 * An empty variable says nothing, as compose files pass one on that is not set; but of what decides who is let in, that
 * would let in everybody, or more than were meant.
 */
function textOf({ path, variable }: Setting, environment: Environment): string | undefined {
  const text = environment[variable]
  const file = environment[variable + fileSuffix]
  if (path.length === 1 && admitting.has(path[0] as string)) {
    if (text === '') throw new InvalidOption(variable, text, 'must not be empty')
    if (file === '') throw new InvalidOption(variable + fileSuffix, file, 'must not be empty')
  }
  if (!file) return text || undefined
  if (text) {
    throw new InvalidOption(variable + fileSuffix, file, `must not be given together with ${variable}`)
  }
  const held = read(variable + fileSuffix, file).trimEnd()
  if (held === '') throw new InvalidOption(variable + fileSuffix, file, 'must not be empty')
  return held
}

function read(name: string, file: string): string {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new InvalidOption(name, file, `must be a file that can be read (${(error as Error).message})`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InvalidOption(name, file, 'must be a file of text in UTF-8')
  }
}

function place(options: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) options[name] = value
  else {
    const below = options[name]
    const object = typeof below === 'object' && below !== null ? { ...below } : {}
    place(object as Record<string, unknown>, rest, value)
    options[name] = object
  }
}

function merge(options: Record<string, unknown>, over: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(over)) {
    if (value === undefined) continue
    const below = options[name]
    if (isRecord(value) && isRecord(below)) {
      const object = { ...below }
      merge(object, value)
      options[name] = object
    } else options[name] = value
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
