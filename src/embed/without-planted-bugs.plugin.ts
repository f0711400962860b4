import type { Plugin } from 'vite'

/**
 * Bundles the code without the bugs that only the simulator's tests switch on (src/runtime/planted-bugs.ts): no page
 * can plant one, so the answer is known while building, and the wrong way falls out with the question.
 */
export function withoutPlantedBugs(): Plugin {
  return {
    name: 'ringmesh-without-planted-bugs',
    enforce: 'pre',
    transform: {
      filter: { id: /\/src\/.*\.ts$/, code: 'isPlanted(' },
      handler: (source) => ({ code: source.replace(/\bisPlanted\('[\w-]+'\)/g, 'false'), map: null }),
    },
  }
}
