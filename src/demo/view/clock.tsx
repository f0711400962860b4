import { useEffect, useState } from 'preact/hooks'

/** Milliseconds between two turns of the clock: as fine as its last digit. */
const every = 100

/** Seconds since a moment of `performance.now()`, while it is shown; for the eye alone, as nobody could listen to it. */
export function Clock({ since }: { since: number }) {
  const [now, setNow] = useState(since)
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), every)
    return () => clearInterval(timer)
  }, [since])
  return (
    <span class="figure" aria-hidden="true">
      {(Math.max(0, now - since) / 1_000).toFixed(1)} s
    </span>
  )
}
