import { loadModule } from './load-module.js'
import type { PageMeshes } from './page-meshes.js'

const element = 'ringmesh-inspector'

/** The hash of `ringmesh.inspector.js`, put here by the build (integrity.plugin.ts). */
declare const inspectorIntegrity: string

/** What the inspector's own file exports. */
interface InspectorModule {
  defineInspector(meshes: PageMeshes): void
}

/**
 * Loads the inspector from beside the script tag as soon as its element is in the page, and not otherwise.
 */
export function watchForInspectors(meshes: PageMeshes): void {
  if (typeof MutationObserver === 'undefined' || typeof customElements === 'undefined') return
  let isLoaded = false
  const look = (): void => {
    if (isLoaded || document.querySelector(element) === null) return
    isLoaded = true
    watch.disconnect()
    loadModule<InspectorModule>('ringmesh.inspector.js', inspectorIntegrity).then(
      (inspector) => inspector.defineInspector(meshes),
      (error: unknown) => console.error('ringmesh: the inspector did not load:', error),
    )
  }
  const watch = new MutationObserver(look)
  watch.observe(document, { childList: true, subtree: true })
  look()
}
