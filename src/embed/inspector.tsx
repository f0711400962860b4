/**
 * `<ringmesh-inspector>`: a live picture of a mesh for any page. The script tag loads this file when the element is
 * used; in a page with modules, import it, call {@link defineInspector} and set the element's `mesh`.
 *
 * @module
 */
import { render } from 'preact'
import type { Mesh } from '../index.js'
import { MeshObserver } from '../picture/index.js'
import pictureStyle from '../picture/picture.css?inline'
import inspectorStyle from './inspector.css?inline'
import { InspectorView } from './inspector-view.js'
import type { PageMeshes } from './page-meshes.js'

/** Shows the mesh that it is given as `mesh`, or the one that the page joined last. */
export class RingmeshInspector extends HTMLElement {
  static meshes: PageMeshes | undefined
  readonly #root: ShadowRoot
  #given: Mesh | undefined
  #observer: MeshObserver | undefined
  #unfollow: (() => void) | undefined

  constructor() {
    super()
    this.#root = this.attachShadow({ mode: 'open' })
    // A constructed sheet, as a strict Content-Security-Policy forbids inline styles.
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(`${pictureStyle}\n${inspectorStyle}`)
    this.#root.adoptedStyleSheets = [sheet]
  }

  get mesh(): Mesh | undefined {
    return this.#given ?? this.#observer?.mesh
  }

  set mesh(mesh: Mesh | undefined) {
    this.#given = mesh
    if (this.isConnected) this.#start()
  }

  connectedCallback(): void {
    // The property may have been set before the element was defined: it then hides the setter.
    if (Object.hasOwn(this, 'mesh')) {
      const { mesh } = this
      Reflect.deleteProperty(this, 'mesh')
      this.#given = mesh
    }
    this.#start()
  }

  disconnectedCallback(): void {
    this.#stop()
    render(null, this.#root)
  }

  #start(): void {
    this.#stop()
    this.#show(undefined)
    if (this.#given !== undefined) this.#show(this.#given)
    else this.#unfollow = RingmeshInspector.meshes?.follow((mesh) => this.#show(mesh))
  }

  #show(mesh: Mesh | undefined): void {
    this.#observer?.stop()
    this.#observer = mesh && new MeshObserver(mesh)
    render(<InspectorView observer={this.#observer} />, this.#root)
  }

  #stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#observer?.stop()
    this.#observer = undefined
  }
}

/** Defines `<ringmesh-inspector>` in this page, once. */
export function defineInspector(meshes?: PageMeshes): void {
  RingmeshInspector.meshes ??= meshes
  if (customElements.get('ringmesh-inspector') === undefined)
    customElements.define('ringmesh-inspector', RingmeshInspector)
}
