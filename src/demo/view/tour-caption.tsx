import { useEffect } from 'preact/hooks'
import type { Tour } from '../tour.js'

/** What the tour shows now, in words. */
export function TourCaption({ tour }: { tour: Tour }) {
  const caption = tour.caption.value
  const subject = caption?.subject
  useEffect(() => {
    if (subject === undefined) return
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches
    // The ring is taller than a low window; its upper edge is what must be seen.
    const block = subject === 'ring' ? 'start' : 'center'
    document.getElementById(subject)?.scrollIntoView({ behavior: isCalm ? 'instant' : 'smooth', block })
  }, [subject])
  return (
    <aside
      class={caption === undefined ? 'caption gone' : 'caption'}
      role="status"
      aria-label="Tour"
      data-testid="caption"
    >
      {caption !== undefined && (
        <>
          <span class="figure">
            {caption.step}/{caption.of}
          </span>
          <div>
            <b>{caption.title}</b>
            <p>{caption.text}</p>
          </div>
          {!tour.isRunning.value && (
            <button type="button" onClick={() => tour.dismiss()}>
              Close
            </button>
          )}
        </>
      )}
    </aside>
  )
}

/** The figures of the tour as a machine reads them. */
export function TourFiguresView({ tour }: { tour: Tour }) {
  const figures = tour.figures.value
  const failure = tour.failure.value
  if (figures === undefined && failure === undefined) return null
  return (
    <section class="card" aria-label="Figures of the tour">
      <header>
        <h2>Figures of the tour</h2>
      </header>
      {failure !== undefined && (
        <p class="failure" role="alert" data-testid="tour-failure">
          {failure}
        </p>
      )}
      {figures !== undefined && (
        <details>
          <summary>
            {figures.tasksLost} tasks and {figures.writesLost} acknowledged writes lost in{' '}
            {figures.faults.length} faults
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <pre class="scroll" tabIndex={0} data-testid="tour-figures">
            {JSON.stringify(figures, null, 2)}
          </pre>
        </details>
      )}
    </section>
  )
}
