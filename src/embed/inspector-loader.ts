import type { PageMeshes } from './page-meshes.js'
import { beside } from './script-tag.js'

const element = 'ringmesh-inspector'

/** What the inspector's own file exports. */
interface InspectorModule {
  defineInspector(meshes: PageMeshes): void
}

/**
 * Loads the inspector from beside the script tag as soon as its element is in the page, and not otherwise.
 */
export function watchForInspectors(meshes: PageMeshes): void {
  if (typeof MutationObserver === 'undefined' || typeof customElements === 'undefined') return
  const url = beside('ringmesh.inspector.js')
  let isLoaded = false
  const look = (): void => {
    if (isLoaded || document.querySelector(element) === null) return
    isLoaded = true
    watch.disconnect()
    import(/* @vite-ignore */ url).then(
      (inspector: InspectorModule) => inspector.defineInspector(meshes),
      (error: unknown) => console.error(`ringmesh: the inspector did not load from ${url}`, error),
    )
  }
  const watch = new MutationObserver(look)
  watch.observe(document, { childList: true, subtree: true })
  look()
}
