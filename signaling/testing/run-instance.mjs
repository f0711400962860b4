// Runs a signalling server from its sources in a process of its own, for tests that kill one:
// node run-instance.mjs '{"port":0}' prints its URL, and at
// SIGUSR2 the bytes that it keeps.
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const { module } = await runnerImport(fileURLToPath(new URL('../server.ts', import.meta.url)), {
  configFile: false,
  logLevel: 'error',
})
const server = await module.startSignalServer({ ...JSON.parse(process.argv[2] ?? '{}'), log: () => {} })
console.log(server.url)
// Asked by a signal, as all its other ways in are the ones under test.
process.on('SIGUSR2', () => {
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  console.log(heapUsed + external)
})
