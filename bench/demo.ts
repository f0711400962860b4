import process from 'node:process'
import { findChromium } from '../.ci/find-chromium.mjs'
import { measureDemo, openings, peers, rounds, tasksPerSecond } from './demo/run.js'
import { median } from './median.js'
import type { Bench } from './table.js'

/** Milliseconds after which the first picture is to be there. */
const firstPictureAtMost = 1_000
/** Milliseconds of the main thread that a frame may take: a third of what 60 frames a second leave. */
const perFrameAtMost = 5

/** The demo's page in a real browser, as `npm start` serves it. */
export const bench: Bench = {
  about: 'the page of the demo in Chromium, as npm start serves it, beside an empty page in the same browser',
  run: async (progress) => {
    const { demo, empty, frames, done } = await measureDemo(process.cwd(), await findChromium(), progress)
    const painted = demo.map((opening) => opening.painted)
    const drawn = demo.map((opening) => opening.drawn)
    const emptyPainted = median(empty.map((opening) => opening.painted))
    return [
      {
        title: 'From the navigation to the first picture, nothing cached',
        peer: 'the first paint of an empty page',
        figures: [
          { name: 'first contentful paint', value: median(painted), unit: 'ms', peer: emptyPainted },
          {
            name: 'the ring drawn, after joining',
            value: median(drawn),
            unit: 'ms',
            peer: emptyPainted,
            atMost: firstPictureAtMost,
          },
          {
            name: `the same, longest of ${openings}`,
            value: Math.max(...drawn),
            unit: 'ms',
            peer: emptyPainted,
          },
        ],
        notes: [`Medians of ${openings} profiles each, opened in turns. The empty page is one word.`],
      },
      {
        title: `Main thread a frame, ${peers} peers`,
        peer: 'an empty page',
        figures: [
          {
            name: `${tasksPerSecond} tasks/s moving`,
            value: frames.busy.perFrame,
            unit: 'ms',
            peer: frames.empty.perFrame,
            atMost: perFrameAtMost,
          },
          {
            name: 'no work',
            value: frames.calm.perFrame,
            unit: 'ms',
            peer: frames.empty.perFrame,
            atMost: perFrameAtMost,
          },
          {
            name: 'frames/s while tasks move',
            value: frames.busy.rate,
            unit: '/s',
            peer: frames.empty.rate,
          },
          { name: 'longest task of the main thread', value: frames.busy.longest, unit: 'ms' },
          { name: 'tasks done', value: done, unit: '/s', atLeast: 0.95 * tasksPerSecond },
        ],
        notes: [
          `Medians of ${rounds} rounds taken in turns. All that runs in the page's thread counts, its own part of the mesh included.`,
          `The other peers are the demo's edge worker and ${peers - 2} in one process, linked to the page by WebRTC; each hands out its part of the tasks and reports it, as every page of the demo does.`,
          'Thread time is the processor’s alone; frames a second and the longest task (0 where none took 50 ms) also wait for a machine of two cores that does all of it.',
        ],
      },
    ]
  },
}
