import { loadScript } from './load-script.js'
import { beside } from './script-tag.js'
import { scriptUnavailable } from './script-unavailable.js'

/** Milliseconds that a file may take: as long as a slow phone needs for 25 kB, twenty times over. */
const timeout = 30_000

/**
 * Imports a module of ours from beside the script tag, if its content is that of the build.
 *
 * An `import()` takes no hash, but a tag does; what the tag has loaded stands in the page's map of modules, from which
 * the `import()` takes it without asking the network again (HTML, "fetch a single module script").
 *
 * @param integrity - the hash that it must have
 * @throws {RingmeshError} `ScriptUnavailable`
 */
export async function loadModule<Module>(file: string, integrity: string): Promise<Module> {
  const url = beside(file)
  const problem = await loadScript(url, integrity, timeout, 'module')
  if (problem === undefined) return import(/* @vite-ignore */ url)
  throw scriptUnavailable(`${url} ${problem}`)
}
