import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/**
 * Benches are bundled before they run, as what users run is: a loader that turns every import into the read of
 * a property would be measured along.
 */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  publicDir: false,
  build: {
    ssr: 'bench/run.ts',
    outDir: 'node_modules/.bench',
    emptyOutDir: true,
    minify: false,
    target: 'node20',
  },
})
