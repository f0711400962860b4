/** `npm run bench [-- --only NAME] [--json FILE]`: runs every `bench/<name>.ts` and prints its tables. */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Bench, isMet, ratioToPeer, type Table, written } from './table.js'

const modules = import.meta.glob<{ bench?: Bench }>([
  './*.ts',
  '!./*.test.ts',
  '!./run.ts',
  '!./vite.config.ts',
])
const names = Object.keys(modules).map((path) => path.slice('./'.length, -'.ts'.length))

const help = `npm run bench -- [--only NAME] [--json FILE]

  --only NAME   one bench; may be given several times
  --json FILE   writes the figures there too
  --help        this text
`

function fail(line: string): never {
  console.error(`bench: ${line}`)
  process.exit(2)
}

function parsed(): { only: string[]; json: string | undefined } {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) {
      process.stdout.write(help)
      process.exit(0)
    }
    return { only: values.only ?? [], json: values.json }
  } catch (error) {
    return fail((error as Error).message.split('\n')[0] ?? '')
  }
}

const { only, json } = parsed()
const benches = new Map<string, Bench>()
for (const name of names.sort()) {
  if (only.length > 0 && !only.includes(name)) continue
  const { bench } = (await modules[`./${name}.ts`]?.()) ?? {}
  if (bench !== undefined) benches.set(name, bench)
}
for (const name of only) if (!benches.has(name)) fail(`there is no bench "${name}"`)

const progress = (line: string): void => {
  if (process.stderr.isTTY) console.error(`… ${line}`)
}
const results: Record<string, Table[]> = {}
let missed = 0
for (const [name, bench] of benches) {
  console.log(`\n${name}: ${bench.about}\n`)
  const tables = await bench.run((line) => progress(`${name}: ${line}`))
  results[name] = tables
  for (const table of tables) {
    console.log(`${written(table)}\n`)
    missed += table.figures.filter((figure) => isMet(figure) === false).length
  }
}

if (json !== undefined) {
  const figures = Object.entries(results).map(([name, tables]) => ({
    name,
    tables: tables.map((table) => ({
      ...table,
      figures: table.figures.map((figure) => ({ ...figure, ratio: ratioToPeer(figure), met: isMet(figure) })),
    })),
  }))
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length }
  try {
    writeFileSync(json, `${JSON.stringify({ machine, benches: figures }, undefined, 2)}\n`)
  } catch (error) {
    fail((error as Error).message)
  }
}
if (missed > 0)
  console.error(`bench: ${missed} ${missed === 1 ? 'figure misses its' : 'figures miss their'} target`)
// Not by running out of things to do: a PeerServer has timers that nothing ends.
process.exit(missed > 0 ? 1 : 0)
