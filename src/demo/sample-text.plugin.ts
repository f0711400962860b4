import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

/** Characters that the sample has at least: enough for the count to take a while on one thread. */
const wanted = 1_200_000

/**
 * Makes `sample.txt`, over a megabyte of English, from the documentation of the packages that are
 * installed, so that nothing large has to lie in the repository.
 */
export function sampleText(): Plugin {
  return {
    name: 'ringmesh-sample-text',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'sample.txt', source: collect() })
    },
    configureServer(server) {
      server.middlewares.use('/sample.txt', (_request, response) => {
        response.setHeader('content-type', 'text/plain; charset=utf-8')
        response.end(collect())
      })
    },
  }
}

function collect(): string {
  const parts: string[] = []
  let length = 0
  for (const file of documents('node_modules', 0)) {
    const text = prose(readFileSync(file, 'utf8'))
    parts.push(text)
    length += text.length
    if (length >= wanted) break
  }
  // A fresh install may hold less documentation than is wanted: it is then read again.
  const once = parts.join('\n\n')
  return length >= wanted ? once : once.repeat(Math.ceil(wanted / Math.max(1, length)))
}

function* documents(folder: string, depth: number): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && depth < 3 && !entry.name.startsWith('.')) yield* documents(path, depth + 1)
    else if (/^readme\.md$/i.test(entry.name)) yield path
  }
}

/** The sentences of a document: without its code, its addresses and its tags, whose words are nobody's language. */
function prose(document: string): string {
  return document
    .replace(/^ *(`{3,}|~{3,})[\s\S]*?^ *\1/gm, '')
    .replace(/`[^`\n]*`/g, '')
    .replace(/<[^>\n]*>/g, '')
    .replace(/\]\([^)\n]*\)/g, ']')
    .replace(/^\[[^\]\n]*\]: .*$/gm, '')
    .replace(/\bhttps?:[^\s)>\]]*/g, '')
}
