import type { Mesh } from '../index.js'

/** The meshes that a page joined, for what shows them. */
export class PageMeshes {
  readonly #listeners = new Set<(mesh: Mesh) => void>()
  #latest: Mesh | undefined

  add(mesh: Mesh): void {
    this.#latest = mesh
    for (const listener of this.#listeners) listener(mesh)
  }

  /** Calls `listener` with the mesh that was joined last, now if there is one, and with every later one. Returns the way back. */
  follow(listener: (mesh: Mesh) => void): () => void {
    this.#listeners.add(listener)
    if (this.#latest !== undefined) listener(this.#latest)
    return () => this.#listeners.delete(listener)
  }
}
