/** What a page hears when it goes, in the order of the HTML standard: a hidden peer would be given a minute. */
const ends = ['pagehide', 'visibilitychange'] as const

/**
 * Lets a page be killed and not closed. A page that goes tells the mesh so; whoever listens for its end after this
 * does hears nothing once it is silenced.
 */
export class LastWords {
  #areHeld = false

  constructor(page: Window) {
    for (const end of ends) {
      page.addEventListener(
        end,
        (event) => {
          if (this.#areHeld) event.stopImmediatePropagation()
        },
        { capture: true },
      )
    }
  }

  hold(): void {
    this.#areHeld = true
  }
}
