import { gzipSync } from 'node:zlib'
import { minifySync } from 'rolldown/utils'
import type { Plugin, ResolvedConfig } from 'vite'

/**
 * Prints what each part of a bundle weighs, minified and compressed by itself, and keeps it beside the bundle as JSON.
 * The parts add up to a little more than the whole, which is compressed in one.
 */
export function printWeights(): Plugin {
  let config: ResolvedConfig
  return {
    name: 'ringmesh-weights',
    configResolved(resolved) {
      config = resolved
    },
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        const parts = new Map<string, string>()
        for (const [id, { code }] of Object.entries(file.modules)) {
          const part = partOf(id)
          if (code !== null) parts.set(part, `${parts.get(part) ?? ''}${code}\n`)
        }
        const rows = [...parts]
          .map(([part, code]) => ({ part, bytes: weightOf(code) }))
          .sort((a, b) => b.bytes - a.bytes)
        const lines = rows.map(({ part, bytes }) => `${kilobytes(bytes)}  ${part}`)
        const fileName = file.fileName.replace(/\.js$/, '.weights.json')
        this.emitFile({ type: 'asset', fileName, source: JSON.stringify(rows) })
        config.logger.info([...lines, `${kilobytes(gzipped(file.code))}  ${file.fileName}, gzip`].join('\n'))
      }
    },
  }
}

/** The room or the package that a module belongs to. */
function partOf(id: string): string {
  const installed = id.split('/node_modules/').at(-1) ?? ''
  if (installed !== id) return installed.split('/', installed.startsWith('@') ? 2 : 1).join('/')
  const own = /\/(src\/[^/]+)/.exec(id)?.[1]
  return own ?? 'the bundler'
}

function weightOf(code: string): number {
  // Nothing is left out: what this part alone does not use, another part does.
  const { code: minified } = minifySync('part.js', code, { compress: false, mangle: { toplevel: true } })
  return gzipped(minified)
}

function gzipped(code: string): number {
  return gzipSync(code, { level: 9 }).length
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1).padStart(6)} kB`
}
