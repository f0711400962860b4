import type { Fault } from '../fault.js'
import { figuresOf } from '../sighting-text.js'
import type { Sighting, Stopwatch } from '../stopwatch.js'
import { Clock } from './clock.js'

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
          <Card
            key={sighting.number}
            sighting={sighting}
            name={nameOf(sighting.peer)}
            struckAt={stopwatch.struckAt.value}
          />
        ))}
      </ol>
    </section>
  )
}

interface CardProps {
  readonly sighting: Sighting
  readonly name: string
  readonly struckAt: number | undefined
}

function Card({ sighting, name, struckAt }: CardProps) {
  const { fault, phase, failure } = sighting
  return (
    <li data-fault={fault} data-phase={phase} data-failure={failure}>
      <h3>
        {titles[fault]} <span class="state">{name}</span>{' '}
        {phase !== 'done' && (
          <span class="running">
            {phase}… {phase === 'watching' && struckAt !== undefined && <Clock since={struckAt} />}
          </span>
        )}
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
