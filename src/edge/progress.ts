/**
 * Says on standard error what is being done, where that is a terminal; a file or a pipe gets nothing.
 *
 * @returns the function that takes it back
 */
export function progress(text: string): () => void {
  const { stderr } = process
  if (!stderr.isTTY) return () => {}
  stderr.write(`ringmesh: ${text} …`)
  return () => {
    stderr.write('\r\u001b[K')
  }
}
