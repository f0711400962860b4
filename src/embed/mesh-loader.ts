import type { openMesh } from '../api/open-mesh.js'
import { loadScript } from './load-script.js'
import { beside } from './script-tag.js'
import { scriptUnavailable } from './script-unavailable.js'

/** The hash of `ringmesh.mesh.js`, put here by the build (classic-scripts.plugin.ts). */
declare const laterScriptIntegrity: string

type MeshScript = { readonly openMesh: typeof openMesh }

let loading: Promise<MeshScript> | undefined

/**
 * In place of `load-mesh.ts` in the script tag: the mesh stands in a file beside it, so that a page that does not
 * join does not load it. Once it is there the page needs no web server any more.
 *
 * @param timeout - milliseconds that it may take
 * @throws {RingmeshError} `ScriptUnavailable`
 */
export async function loadMesh(timeout: number): Promise<typeof openMesh> {
  loading ??= loadMeshScript(timeout).catch((error: unknown) => {
    // The next join may find it: a network comes back.
    loading = undefined
    throw error
  })
  return (await loading).openMesh
}

async function loadMeshScript(timeout: number): Promise<MeshScript> {
  const url = beside('ringmesh.mesh.js')
  const problem = await loadScript(url, laterScriptIntegrity, timeout)
  // A classic script cannot be imported: the build writes here what the script has left when it ran.
  const script: MeshScript | undefined = await import('../api/open-mesh.js')
  if (problem === undefined && script !== undefined) return script
  throw scriptUnavailable(`join: ${url} ${problem ?? 'is of another build'}`)
}
