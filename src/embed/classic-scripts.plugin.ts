import { createHash } from 'node:crypto'
import { RolldownMagicString } from 'rolldown'
import { parseSync } from 'rolldown/utils'
import type { Plugin } from 'vite'

/** The script that a page names; the chunk of all that its entry needs at once. */
export const firstScript = 'ringmesh.global.js'
/** The script that the first one loads from beside itself; the chunk of what its entry imports later. */
export const laterScript = 'ringmesh.mesh.js'

/** Stand in the code for what is known once it is all there; as long as what takes their place, so that source maps stay true. */
const buildMark = 'RINGMESH_BUILD__'
const integrityMark = `sha384-${'INTEGRITY_'.padEnd(64, '_')}`

/** What both scripts know of each other, under a name that no other build has. */
const shared = `globalThis[Symbol.for("ringmesh ${buildMark}")]`

/**
 * Builds a first script and one that it loads later out of modules, with no module twice: what the later one needs of
 * the first, it takes from where the first has left it. Classic scripts, as `<script src>` without a type runs before
 * the page goes on, and works from a disk too.
 *
 * `import('…')` of the later script is what it has left, undefined where it has not run: it has to be loaded before,
 * with the hash `laterScriptIntegrity`.
 */
export function classicScripts(): Plugin {
  return {
    name: 'ringmesh-classic-scripts',
    config: () => ({
      define: { laterScriptIntegrity: JSON.stringify(integrityMark) },
      build: {
        rollupOptions: {
          output: {
            entryFileNames: 'entry.js',
            chunkFileNames: ({ name, isDynamicEntry }) =>
              name === 'first' ? firstScript : isDynamicEntry ? laterScript : '[name].js',
            // As modules are. The minifier takes it for granted in them, and leaves it out of the code.
            postBanner: '"use strict";',
            codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] },
          },
        },
      },
    }),
    renderChunk(code, { fileName }) {
      if (fileName === firstScript) return asFirst(code)
      if (fileName === laterScript) return asLater(code)
      return null
    },
    generateBundle(_, bundle) {
      // The entry of the modules only imports the first script.
      for (const name of ['entry.js', 'entry.js.map']) delete bundle[name]
      const first = bundle[firstScript]
      const later = bundle[laterScript]
      if (first?.type !== 'chunk' || later?.type !== 'chunk' || Object.keys(bundle).length > 4)
        throw new Error(`there should be two scripts, not ${Object.keys(bundle).join(', ')}`)
      const build = createHash('sha256').update(first.code).update(later.code).digest('hex')
      for (const chunk of [first, later]) {
        chunk.code = replaced(chunk.code, buildMark, build.slice(0, buildMark.length))
      }
      first.code = replaced(first.code, integrityMark, integrityOf(later.code))
    },
  }
}

/** What a page puts into `integrity="…"` of the tag that loads the code (Subresource Integrity, W3C). */
export function integrityOf(code: string): string {
  return `sha384-${createHash('sha384').update(code).digest('base64')}`
}

function replaced(code: string, mark: string, value: string): string {
  if (!code.includes(mark)) throw new Error(`the script has lost its ${mark}`)
  return code.replaceAll(mark, value)
}

function asFirst(source: string): RolldownMagicString {
  const script = new RolldownMagicString(source)
  const left: string[] = []
  const changing = new Set<string>()
  const { body } = parseSync('first.mjs', source).program
  for (const statement of body) {
    if (statement.type === 'VariableDeclaration' && statement.kind === 'let') {
      for (const { id } of statement.declarations) changing.add(id.type === 'Identifier' ? id.name : '')
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    for (const { local, exported } of statement.specifiers) left.push(`${nameOf(exported)}: ${nameOf(local)}`)
    script.remove(statement.start, statement.end)
  }
  // What is taken is taken once: it must not be another one later.
  const stale = left.filter((each) => changing.has(each.split(': ')[1] ?? ''))
  if (stale.length > 0) throw new Error(`the later script would not see what becomes of ${stale.join(', ')}`)
  for (const { index, 0: found } of source.matchAll(importOfLater))
    script.overwrite(
      index,
      index + found.length,
      `Promise.resolve(${shared}[${JSON.stringify(laterScript)}])`,
    )
  // The first of two tags in one page stays.
  return wrapped(script, '', `${shared} ??= { ${left.join(', ')} };\n`)
}

const importOfLater = new RegExp(`\\bimport\\("\\./${laterScript.replaceAll('.', '\\.')}"\\)`, 'g')

function asLater(source: string): RolldownMagicString {
  const script = new RolldownMagicString(source)
  const taken: string[] = []
  const left: string[] = []
  for (const statement of parseSync('later.mjs', source).program.body) {
    if (statement.type === 'ImportDeclaration') {
      if (statement.source.value !== `./${firstScript}`)
        throw new Error(`it imports ${statement.source.value}, which is neither script`)
      for (const specifier of statement.specifiers) {
        if (specifier.type !== 'ImportSpecifier') throw new Error('the first script has no default')
        taken.push(`${nameOf(specifier.imported)}: ${specifier.local.name}`)
      }
    } else if (statement.type === 'ExportNamedDeclaration') {
      for (const { local, exported } of statement.specifiers)
        left.push(`${nameOf(exported)}: ${nameOf(local)}`)
    } else continue
    script.remove(statement.start, statement.end)
  }
  return wrapped(
    script,
    `const shared = ${shared};
if (shared === undefined) throw new Error("${laterScript} is not of the same build as the ${firstScript} of this page");
const { ${taken.join(', ')} } = shared;
`,
    `shared[${JSON.stringify(laterScript)}] = { ${left.join(', ')} };\n`,
  )
}

/** In a function, as the names of classic scripts are the page's. */
function wrapped(script: RolldownMagicString, before: string, after: string): RolldownMagicString {
  script.prepend(`(() => {\n${before}`)
  script.append(`\n${after}})();\n`)
  return script
}

function nameOf(node: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return node.type === 'Identifier' ? (node.name ?? '') : JSON.stringify(node.value)
}
