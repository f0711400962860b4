/**
 * The script tag: `window.ringmesh` has every name of the package. With `data-room` on the tag the
 * page joins on load, and `ringmesh.ready` settles with its mesh.
 *
 * @module
 */
import { version } from '../../package.json'
import * as ringmesh from '../index.js'
import { watchForInspectors } from './inspector-loader.js'
import { PageMeshes } from './page-meshes.js'
import { scriptTag } from './script-tag.js'

type ScriptTag = typeof ringmesh & {
  /** The version of the package. */
  readonly version: string
  /** The mesh that the tag's own attributes ask for; never settles where they ask for none. */
  readonly ready: Promise<ringmesh.Mesh>
}

const page = globalThis as { ringmesh?: Partial<ScriptTag> }

/**
 * Joins the mesh of a room, as the package's `join` does; the page's inspectors show it.
 *
 * @throws {RingmeshError} `ScriptUnavailable` too, where the file with the mesh cannot be had
 */
async function join(options: ringmesh.JoinOptions): Promise<ringmesh.Mesh> {
  const mesh = await ringmesh.join(options)
  meshes.add(mesh)
  return mesh
}

function joinAsTagged(): Promise<ringmesh.Mesh> {
  const { signal, room, token } = scriptTag?.dataset ?? {}
  if (room === undefined) return new Promise(() => {})
  // As `src` and `href` do, it may name a place beside the page.
  const url = signal === undefined ? '' : new URL(signal, document.baseURI).href
  const mesh = join({ signal: url, room, ...(token === undefined ? {} : { token }) })
  // Whoever reads `ready` handles the failure; a page that does not shall not see it twice.
  mesh.catch((error: unknown) => console.error('ringmesh: the page did not join', error))
  return mesh
}

const meshes = new PageMeshes()

if (page.ringmesh === undefined) {
  page.ringmesh = Object.freeze({ ...ringmesh, version, join, ready: joinAsTagged() } satisfies ScriptTag)
  watchForInspectors(meshes)
} else {
  // Two copies would be two peers in one page, and processes of one would not know those of the other.
  console.warn(
    `ringmesh: this page has the script tag twice. Version ${page.ringmesh.version ?? 'unknown'}, which came first, stays; version ${version} is ignored. Remove one of the tags.`,
  )
}
