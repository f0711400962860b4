import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join as joinPath } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type SignalServer, startSignalServer } from '../signaling/index.js'
import { edgeCommand } from './edge/edge-command.js'
import { signalCommand } from './edge/signal-command.js'
import { simCommand } from './edge/sim-command.js'
import { statusCommand } from './edge/status-command.js'
import { tokenCommand } from './edge/token-command.js'
import { join, type Mesh } from './index.node.js'

/*
 * No page lies: every TypeScript block of every page is type-checked against the sources, and those
 * marked `run` are run. The blocks of one page are one program, from top to bottom; one marked
 * `file=NAME` is a module of its own. In a line `expression // => value` the two must be equal.
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const inRoot = (path: string): string => joinPath(root, path)

/** The entries of the package, as they are before the build. */
const entries: Readonly<Record<string, string>> = {
  ringmesh: 'src/index.node.ts',
  'ringmesh/worker': 'src/worker.ts',
  'ringmesh/playwright': 'src/playwright/index.ts',
  'ringmesh/sim': 'src/sim/index.ts',
}

interface Block {
  readonly language: string
  readonly words: readonly string[]
  readonly text: string
}

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  ...['src', 'signaling', 'e2e/example'].flatMap((folder) =>
    readdirSync(inRoot(folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .sort(),
  ),
]

function blocksOf(page: string): Block[] {
  const found = readFileSync(inRoot(page), 'utf8').matchAll(/^```(\w*)(.*)\n([\s\S]*?)^```$/gm)
  return [...found].map(([, language = '', words = '', text = '']) => ({
    language,
    words: words.trim().split(/\s+/),
    text,
  }))
}

/** Imports first, as a module may import one name only once and at any place. */
function program(blocks: readonly Block[]): string {
  const names = new Map<string, Set<string>>()
  const body = blocks
    .map(({ text }) =>
      text.replace(/^import \{([^}]*)\} from '([^']*)'\n/gm, (_, list: string, from: string) => {
        const known = names.get(from) ?? new Set()
        names.set(from, known)
        for (const name of list.split(',')) known.add(name.trim())
        return ''
      }),
    )
    .join('\n')
  const imports = [...names].map(([from, list]) => `import { ${[...list].join(', ')} } from '${from}'\n`)
  return `${imports.join('')}${body}\nexport {}\n`
}

const typed = (page: string): Block[] => blocksOf(page).filter(({ language }) => language === 'ts')
const fileOf = ({ words }: Block): string | undefined =>
  words.find((word) => word.startsWith('file='))?.slice('file='.length)
const withCode = pages.filter((page) => typed(page).length > 0)
const toBeRun = withCode.filter((page) => typed(page).some(({ words }) => words.includes('run')))

let folder: string

beforeAll(() => {
  mkdirSync(inRoot('test-results'), { recursive: true })
  folder = mkdtempSync(inRoot('test-results/guides-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Writes a program of a page as a module and gives its path. */
function written(page: string, name: string, text: string): string {
  const path = joinPath(folder, page.replaceAll('/', '-').replace('.md', ''), name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

describe('the pages', () => {
  it('have TypeScript that holds against the sources', { timeout: 120_000 }, () => {
    for (const page of withCode) {
      const blocks = typed(page)
      written(page, 'page.ts', program(blocks.filter((block) => fileOf(block) === undefined)))
      for (const block of blocks) {
        const file = fileOf(block)
        if (file !== undefined) written(page, file, program([block]))
      }
    }
    const configuration = {
      extends: inRoot('tsconfig.json'),
      compilerOptions: {
        noUnusedLocals: false,
        noUnusedParameters: false,
        noImplicitOverride: false,
        paths: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, [inRoot(path)]])),
      },
      include: ['./**/*.ts', inRoot('src/links/adapters/simple-peer.d.ts')],
      exclude: [],
    }
    writeFileSync(joinPath(folder, 'tsconfig.json'), JSON.stringify(configuration))
    const { status, stdout } = spawnSync(
      process.execPath,
      [inRoot('node_modules/typescript/bin/tsc'), '-p', folder],
      { encoding: 'utf8' },
    )
    expect(stdout).toBe('')
    expect(status).toBe(0)
    expect(withCode.length).toBeGreaterThan(8)
  })

  it('link to files that are there', () => {
    for (const page of pages) {
      const text = readFileSync(inRoot(page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
      for (const [, target = ''] of text.matchAll(/(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue
        expect(existsSync(joinPath(dirname(inRoot(page)), target)), `${page} links to ${target}`).toBe(true)
      }
    }
  })

  it('name commands and flags that ringmesh has', () => {
    const commands = [edgeCommand(), signalCommand(), simCommand(), statusCommand(), tokenCommand()]
    const lines = pages.flatMap((page) => [
      ...blocksOf(page)
        .filter(({ language }) => language === 'sh')
        .flatMap(({ text }) => text.split('\n')),
      ...[...readFileSync(inRoot(page), 'utf8').matchAll(/`((?:npx )?ringmesh [^`]*)`/g)].map(
        ([, line = '']) => line,
      ),
    ])
    let checked = 0
    for (const line of lines) {
      const [, name, rest = ''] = /\bringmesh ([a-z]+)(.*)/.exec(line) ?? []
      if (name === undefined) continue
      const command = commands.find((each) => each.name() === name)
      expect(command, line).toBeDefined()
      for (const [flag] of rest.matchAll(/--[a-z-]+/g)) {
        const known = ['--help', ...(command?.options.map(({ long }) => long) ?? [])]
        expect(known, line).toContain(flag)
        checked++
      }
    }
    expect(checked).toBeGreaterThan(10)
  })
})

describe('the programs of the pages', { timeout: 120_000 }, () => {
  const inDocuments = 'ws://localhost:9000'
  let server: SignalServer
  const company: Mesh[] = []

  beforeAll(async () => {
    server = await startSignalServer({ port: 0 })
    // Others in the room, or no write would have its two holders.
    for (let joined = 0; joined < 2; joined++) company.push(await join({ signal: server.url, room: 'demo' }))
    Object.assign(globalThis, { expectOfPage: expect })
    // What the programs print, and the crashes that they show, are of no interest here.
    for (const level of ['log', 'warn', 'error'] as const) vi.spyOn(console, level).mockReturnValue()
  })

  afterAll(async () => {
    await Promise.all(company.map((mesh) => mesh.leave()))
    await server.close()
    vi.restoreAllMocks()
  })

  it.each(toBeRun)('%s', async (page) => {
    const blocks = typed(page).filter(({ words }) => words.includes('run'))
    let text = program(blocks).replaceAll(inDocuments, server.url)
    for (const [name, path] of Object.entries(entries)) {
      text = text.replaceAll(`from '${name}'`, `from ${JSON.stringify(inRoot(path))}`)
    }
    let claims = 0
    text = text.replace(/^(?!\/\/)(.+?)\s*\/\/ => (.+)$/gm, (line, expression: string, value: string) => {
      claims++
      const message = JSON.stringify(line)
      return `globalThis.expectOfPage(await (${expression}), ${message}).toEqual((${value}))`
    })
    expect(claims).toBeGreaterThan(0)
    if (/^const mesh = await join/m.test(text)) text += 'await mesh.leave()\n'
    await import(/* @vite-ignore */ pathToFileURL(written(page, 'run.ts', text)).href)
  })
})
