import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadConfiguration, settings } from '../configuration.js'
import { signalOptions } from '../options.js'
import { defaultLimits, refusalReasons } from '../rooms/index.js'
import { startSignalServer } from '../server.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const read = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8')
const readme = read('README.md')
const files = readdirSync(folder).filter((file) => !file.endsWith('.ts'))

/** The rows of the tables under a heading, cells without their backticks. */
function rows(heading: string): string[][] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\|(.+)\|$/gm)]
    .map(([, row = '']) => row.split('|').map((cell) => cell.trim()))
    .filter(([first = '']) => !/^-+$/.test(first))
    .slice(1)
}

const names = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

describe('the files to run it by', () => {
  it('name only variables that there are', () => {
    const known = new Set(settings().flatMap(({ variable }) => [variable, `${variable}_FILE`]))
    const named = files.flatMap((file) =>
      [...read(file).matchAll(/RINGMESH_SIGNAL_[A-Z_]*[A-Z]/g)].map(([name]) => name),
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  it('try each alert', () => {
    const alerts = [...read('alerts.yaml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const tried = [...read('alerts.test.yaml').matchAll(/alertname="(\w+)"/g)].map(([, name]) => name)
    expect(tried).toEqual(alerts)
  })

  it('have options for the unit that are options', () => {
    expect(loadConfiguration({ file: `${folder}/signal.json` })).toMatchObject({ trustedProxies: 1 })
  })
})

describe('the text about running it', () => {
  it('names each option, and no other', () => {
    const told = rows('Options').flatMap(([option]) => names(option))
    expect(told.sort()).toEqual(Object.keys(signalOptions.entries).sort())
  })

  it('tells the defaults', () => {
    const configuration = loadConfiguration({}) as unknown as Record<string, unknown>
    const checked = rows('Options').flatMap(([option, , standard]) => {
      const [name = '', value] = [names(option)[0], names(standard)[0]]
      const actual = configuration[name]
      if (value === undefined || typeof actual === 'object' || actual === undefined) return []
      expect(`${name} ${value}`).toBe(`${name} ${actual}`)
      return [name]
    })
    expect(checked).toEqual(expect.arrayContaining(['host', 'port', 'drainMilliseconds', 'redisPrefix']))
  })

  it('tells each limit with its default', () => {
    const told = rows('Limits').map(([limit, standard]) => [names(limit)[0], Number(standard)])
    expect(Object.fromEntries(told)).toEqual(defaultLimits)
  })

  it('names metrics and reasons that there are, and leaves none out; so do the alerts', async () => {
    const server = await startSignalServer({ port: 0, log: () => {} })
    try {
      const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
      const metrics = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name)
      const told = rows('Watching it').flatMap(([metric]) => names(metric))
      const inLimits = [
        ...['refusals_total', 'throttled_total', 'limit', 'slow_consumers_total', 'slowest_consumers_total'],
        ...['unread_bytes', 'idle_total'],
      ]
      expect([...told, ...inLimits.map((name) => `ringmesh_signal_${name}`)].sort()).toEqual(
        expect.arrayContaining(metrics.sort()),
      )
      const used = [...(readme + read('alerts.yaml')).matchAll(/\b(?:ringmesh_signal|nodejs|process)_\w+/g)]
      expect(used.map(([name]) => name).filter((name) => !metrics.includes(name))).toEqual([])
      const reasons = [...read('alerts.yaml').matchAll(/reason!?="([^"]+)"/g)].map(
        ([, reason = '']) => reason,
      )
      // Nothing was refused yet, and the first refusal is to be seen as an increase.
      for (const reason of refusalReasons)
        expect(text).toContain(`ringmesh_signal_refusals_total{reason="${reason}"} 0`)
      const inTable = rows('Limits').flatMap(([, , , counted]) =>
        counted?.startsWith('`refusals`') ? names(counted).slice(1) : [],
      )
      expect(
        [...reasons, ...inTable].filter((reason) => !refusalReasons.some((known) => known === reason)),
      ).toEqual([])
      expect(inTable.length).toBeGreaterThan(5)
    } finally {
      await server.close()
    }
  })
})
