/**
 * Tells the parent process the port, and on every message how much memory is in use and how much CPU time was: after
 * a collection of garbage, unless the message is `glance`, as the collection takes a while.
 * @param more - what else it is to be told then
 */
export function serveMemory(port: number, more: () => Readonly<Record<string, number>> = () => ({})): void {
  process.on('message', (message) => {
    const gc = (globalThis as { gc?: () => void }).gc
    if (message !== 'glance') {
      gc?.()
      gc?.()
    }
    const { heapUsed, external, rss } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    process.send?.({ kept: heapUsed + external, rss, cpu: (user + system) / 1e6, ...more() })
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ port })
}
