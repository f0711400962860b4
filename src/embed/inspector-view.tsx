import { useState } from 'preact/hooks'
import { Forest, Legend, type MeshObserver, PeerTable, RingPicture } from '../picture/index.js'

/** What the inspector shows of a mesh, or that there is none yet. */
export function InspectorView({ observer }: { observer: MeshObserver | undefined }) {
  const [selected, select] = useState<string>()
  return (
    <section class="picture inspector" aria-label="Mesh inspector">
      {observer === undefined ? (
        <p role="status">This page is in no mesh yet.</p>
      ) : (
        <>
          <div>
            <RingPicture
              observer={observer}
              selected={selected}
              onSelect={(id) => select(id === selected ? undefined : id)}
            />
            <Legend />
          </div>
          <div class="facts">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <section class="scroll" aria-label="Table of peers" tabIndex={0}>
              <PeerTable observer={observer} />
            </section>
            {selected !== undefined && <Details observer={observer} peer={selected} />}
            <h2>Supervision trees</h2>
            <Forest observer={observer} />
            <h2>What happened</h2>
            {observer.happenings.value.length === 0 && <p>Nothing yet.</p>}
            <ol class="log" aria-live="polite">
              {observer.happenings.value.slice(0, 8).map(({ number, at, text }) => (
                <li key={number}>
                  {at.toLocaleTimeString('en-GB')} {text}
                </li>
              ))}
            </ol>
          </div>
        </>
      )}
    </section>
  )
}

/** The counters of the link to one peer. */
function Details({ observer, peer }: { observer: MeshObserver; peer: string }) {
  const member = observer.members.value.find(({ id }) => id === peer)
  const link = observer.mesh.stats().links.peers[peer]
  return (
    <dl class="details" aria-label="Chosen peer">
      <Fact name="id" value={peer} />
      <Fact name="state" value={member === undefined ? 'gone' : member.state} />
      {member !== undefined && <Fact name="weight" value={String(member.weight)} />}
      {link !== undefined && (
        <>
          <Fact name="sent" value={bytes(link.bytesSent)} />
          <Fact name="received" value={bytes(link.bytesReceived)} />
          <Fact name="waiting" value={bytes(link.queued)} />
          {link.rtt !== undefined && (
            <Fact
              name="round trip, p50 and p99"
              value={`${link.rtt.p50.toFixed(1)} and ${link.rtt.p99.toFixed(1)} ms`}
            />
          )}
        </>
      )}
    </dl>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function bytes(count: number): string {
  if (count < 1_024) return `${count} B`
  return count < 1_048_576 ? `${(count / 1_024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`
}
