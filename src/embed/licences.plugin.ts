import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import own from '../../package.json' with { type: 'json' }

/** A package of somebody else's, of which a bundle has code. */
interface Part {
  readonly name: string
  readonly version: string
  readonly license: string
  /** Who holds the rights, in the words of the licence. */
  readonly copyright: string
  /** The licence, whole. */
  readonly text: string
}

/**
 * Says at the top of every bundle whose code is inside, and puts the licences beside it, in `licences/`: they ask for
 * both, and minifiers take out what the sources say of it.
 */
export function keepLicences(): Plugin {
  const kept = new Map<string, Part>()
  return {
    name: 'ringmesh-licences',
    outputOptions(options) {
      const { postBanner } = options
      return {
        ...options,
        // Not `banner`, which the minifier would take out too.
        async postBanner(chunk) {
          const parts = partsOf(chunk.moduleIds)
          for (const part of parts) kept.set(part.name, part)
          const others = typeof postBanner === 'function' ? await postBanner(chunk) : postBanner
          return [noticeOf(parts), others].filter(Boolean).join('\n')
        },
      }
    },
    generateBundle() {
      for (const { name, text } of kept.values())
        this.emitFile({ type: 'asset', fileName: `licences/${name}.txt`, source: text })
    },
  }
}

function noticeOf(parts: readonly Part[]): string | undefined {
  if (parts.length === 0) return undefined
  const told = parts.map(
    ({ name, version, license, copyright }) => `${name} ${version} (${license}, ${copyright})`,
  )
  return `/*! ${own.name} ${own.version} (${own.license}). With parts of ${told.join('; ')}: see licences/. */`
}

function partsOf(moduleIds: readonly string[]): Part[] {
  const folders = moduleIds.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [])
  return [...new Set(folders)].map(partIn).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** @throws {Error} where a package does not say what its licence is: nobody may pass it on then */
function partIn(folder: string): Part {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  if (file === undefined || typeof license !== 'string') throw new Error(`${name} comes without its licence`)
  const text = readFileSync(join(folder, file), 'utf8')
  const copyright = /^\W*(copyright\s.*\S)/im.exec(text)?.[1] ?? ''
  return { name, version, license, copyright, text }
}
