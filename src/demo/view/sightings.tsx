import { percent } from '../../picture/index.js'
import type { Fault, Sighting, Stopwatch } from '../stopwatch.js'

const titles: Readonly<Record<Fault, string>> = {
  'crash-worker': 'Worker crashed',
  'hang-worker': 'Worker hung',
  kill: 'Peer killed',
  freeze: 'Peer frozen',
  cut: 'Peer cut off',
  heal: 'Peer connected again',
}

/** What the verdict on a fault is called. */
const verdicts: Readonly<Record<Fault, string>> = {
  'crash-worker': 'running again after',
  'hang-worker': 'running again after',
  kill: 'declared dead after',
  freeze: 'alive and well after',
  cut: 'declared dead after',
  heal: 'alive again after',
}

/** A stopwatch for every fault, the newest first. */
export function Sightings({ stopwatch, nameOf }: { stopwatch: Stopwatch; nameOf: (id: string) => string }) {
  const sightings = stopwatch.sightings.value
  return (
    <section class="card" aria-label="What was seen">
      <header>
        <h2>Stopwatch</h2>
      </header>
      {sightings.length === 0 && (
        <p class="note">
          Add peers, choose one and break it: how soon it was seen, when the ring was whole again, and what
          was lost will stand here.
        </p>
      )}
      <ol class="sightings scroll" aria-live="polite" data-testid="sightings">
        {sightings.map((sighting) => (
          <Card key={sighting.number} sighting={sighting} name={nameOf(sighting.peer)} />
        ))}
      </ol>
    </section>
  )
}

function Card({ sighting, name }: { sighting: Sighting; name: string }) {
  const { fault, phase, noticed, detected, settled, tasks, writes, moved, ideal, failure } = sighting
  const isWorker = fault === 'hang-worker' || fault === 'crash-worker'
  const doubted = noticed === undefined && phase === 'done' ? 'never' : time(noticed)
  return (
    <li data-fault={fault} data-phase={phase} data-failure={failure}>
      <h3>
        {titles[fault]} <span class="state">{name}</span>{' '}
        {phase !== 'done' && <span class="running">{phase}…</span>}
      </h3>
      {failure !== undefined && <p class="failure">{failure}</p>}
      <dl>
        {fault !== 'heal' && <Figure name={isWorker ? 'exit seen after' : 'doubted after'} value={doubted} />}
        <Figure name={verdicts[fault]} value={time(detected)} />
        {!isWorker && <Figure name="ring settled after" value={time(settled)} />}
        <Figure name="tasks lost" value={lostOf(tasks)} isBad={(tasks?.lost ?? 0) > 0} />
        <Figure name="acknowledged writes lost" value={lostOf(writes)} isBad={(writes?.lost ?? 0) > 0} />
        {!isWorker && (
          <Figure
            name="keys moved / the least possible"
            value={moved === undefined ? undefined : `${percent(moved)} / ${percent(ideal ?? 0)}`}
          />
        )}
      </dl>
    </li>
  )
}

function lostOf(count: { readonly lost: number; readonly of: number } | undefined): string | undefined {
  return count && `${count.lost} of ${count.of}`
}

function Figure({
  name,
  value,
  isBad = false,
}: {
  name: string
  value: string | undefined
  isBad?: boolean
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={isBad ? 'figure failure' : 'figure'}>{value ?? '–'}</dd>
    </div>
  )
}

function time(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined) return undefined
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(2)} s`
}
