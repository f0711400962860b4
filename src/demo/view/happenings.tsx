import type { MeshObserver } from '../../picture/index.js'

/** One line for everything that happened, the newest first. */
export function Happenings({ observer }: { observer: MeshObserver }) {
  return (
    <section class="card" aria-label="What happened">
      <header>
        <h2>What happened</h2>
      </header>
      {observer.happenings.value.length === 0 && (
        <p class="note">Nothing yet. Who comes and goes, and what the ring does then, will stand here.</p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ol class="log scroll" aria-live="polite" aria-label="What happened, the newest first" tabIndex={0}>
        {observer.happenings.value.map(({ number, at, text }) => (
          <li key={number}>
            <code>{at.toLocaleTimeString('en-GB')}</code> {text}
          </li>
        ))}
      </ol>
    </section>
  )
}
