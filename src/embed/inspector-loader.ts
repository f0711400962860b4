import type { PageMeshes } from './page-meshes.js'

const element = 'ringmesh-inspector'

/** What the inspector's own file exports. */
interface InspectorModule {
  defineInspector(meshes: PageMeshes): void
}

/**
 * Loads the inspector from beside the script tag as soon as its element is in the page, and not otherwise.
 *
 * @param script - where the script tag came from; without it, there is no beside
 */
export function watchForInspectors(script: string | undefined, meshes: PageMeshes): void {
  if (!script || typeof MutationObserver === 'undefined' || typeof customElements === 'undefined') return
  const url = new URL('ringmesh.inspector.js', script).href
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
