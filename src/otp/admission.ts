import { type ExitReason, noproc } from './exit.js'
import type { LaunchOptions } from './launch-options.js'
import type { NameTable } from './local-names.js'
import type { Process } from './process.js'
import type { StartResult } from './server-world.js'

/**
 * Links a new process to its parent and gets it its name, then begins it, or tells why not. The start
 * is over when all know the name.
 */
export function admit(
  table: NameTable,
  process: Process,
  { name, parent }: LaunchOptions,
  done: (result: StartResult) => void,
  begin: (begun: (result: StartResult) => void) => void,
): void {
  if (parent !== undefined) {
    process.link(parent)
    parent.link(process)
  }
  if (name === undefined) {
    begin(done)
    return
  }
  const refuse = (reason: ExitReason): void => {
    if (parent !== undefined) process.unlink(parent.ref)
    process.end(reason)
    done({ kind: 'failed', reason })
  }
  const named = (refusal: ExitReason | undefined): void => {
    if (refusal !== undefined || !process.alive) {
      refuse(refusal ?? process.reason ?? noproc)
      return
    }
    begin((result) => {
      if (result.kind !== 'ok') done(result)
      else table.confirm(process, (lost) => (lost === undefined ? done(result) : refuse(lost)))
    })
  }
  if (typeof name === 'string') table.claim(name, process, named)
  else {
    const ref = name.register(process.ref)
    named(ref === undefined ? undefined : { type: 'already_started', ref })
  }
}
