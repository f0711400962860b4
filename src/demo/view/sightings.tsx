import { figuresOf } from '../sighting-text.js'
import type { Fault, Sighting, Stopwatch } from '../stopwatch.js'

const titles: Readonly<Record<Fault, string>> = {
  'crash-worker': 'Worker crashed',
  'hang-worker': 'Worker hung',
  kill: 'Peer killed',
  freeze: 'Peer frozen',
  cut: 'Peer cut off',
  heal: 'Peer connected again',
}

/** A stopwatch for every fault, the newest first. */
export function Sightings({ stopwatch, nameOf }: { stopwatch: Stopwatch; nameOf: (id: string) => string }) {
  const sightings = stopwatch.sightings.value
  return (
    <section class="card" aria-label="What was seen" id="stopwatch">
      <header>
        <h2>Stopwatch</h2>
      </header>
      {sightings.length === 0 && (
        <p class="note">
          Add peers, choose one and break it: how soon it was seen, when the ring was whole again, and what
          was lost will stand here.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ol class="sightings scroll" aria-live="polite" tabIndex={0} data-testid="sightings">
        {sightings.map((sighting) => (
          <Card key={sighting.number} sighting={sighting} name={nameOf(sighting.peer)} />
        ))}
      </ol>
    </section>
  )
}

function Card({ sighting, name }: { sighting: Sighting; name: string }) {
  const { fault, phase, failure } = sighting
  return (
    <li data-fault={fault} data-phase={phase} data-failure={failure}>
      <h3>
        {titles[fault]} <span class="state">{name}</span>{' '}
        {phase !== 'done' && <span class="running">{phase}…</span>}
      </h3>
      {failure !== undefined && <p class="failure">{failure}</p>}
      <dl>
        {figuresOf(sighting).map((figure) => (
          <div key={figure.name}>
            <dt>{figure.name}</dt>
            <dd class={figure.isBad ? 'figure failure' : 'figure'}>{figure.value ?? '–'}</dd>
          </div>
        ))}
      </dl>
    </li>
  )
}
