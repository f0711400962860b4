/**
 * The script tag: `window.ringmesh` has every name of the package. With `data-room` on the tag the
 * page joins on load, and `ringmesh.ready` settles with its mesh.
 *
 * @module
 */
import { join, type Mesh } from '../index.js'

export * from '../index.js'

/** The mesh that the tag's own attributes ask for; never settles where they ask for none. */
export const ready: Promise<Mesh> = joinAsTagged()

function joinAsTagged(): Promise<Mesh> {
  const { signal, room, token } = document.currentScript?.dataset ?? {}
  if (room === undefined) return new Promise(() => {})
  const mesh = join({ signal: signal ?? '', room, ...(token === undefined ? {} : { token }) })
  // Whoever reads `ready` handles the failure; a page that does not shall not see it twice.
  mesh.catch((error: unknown) => console.error('ringmesh: the page did not join', error))
  return mesh
}
