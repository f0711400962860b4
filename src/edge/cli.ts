#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import { edgeCommand } from './edge-command.js'
import { signalCommand } from './signal-command.js'
import { simCommand } from './sim-command.js'
import { statusCommand } from './status-command.js'
import { tokenCommand } from './token-command.js'

/** Bad arguments end with this code, as the shell's own commands do. */
const usageError = 2

const program = new Command('ringmesh')
  .description('One fault-tolerant cluster out of browser tabs and edge workers.')
  .version(version, '--version', 'print the version')
  .helpCommand(false)
  .addHelpText(
    'after',
    `
Examples:
  ringmesh signal --port 9000
  ringmesh edge --signal ws://localhost:9000 --room demo
  ringmesh status --signal ws://localhost:9000 --room demo
  ringmesh COMMAND --help`,
  )

for (const command of [signalCommand(), edgeCommand(), statusCommand(), tokenCommand(), simCommand()]) {
  program.addCommand(command)
}

for (const command of [program, ...program.commands]) {
  command
    .exitOverride()
    .showHelpAfterError(false)
    .configureOutput({ outputError: () => {} })
}

// Whoever read along, as `head` does, has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  if (process.argv.length === 2) program.error('a command is needed; ringmesh --help lists them')
  await program.parseAsync()
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof CommanderError && error.exitCode === 0)) {
    console.error(`ringmesh: ${oneLine(message.replace(/^error: /, ''))}`)
    process.exit(isUsageError(error) ? usageError : 1)
  }
}

function isUsageError(error: unknown): boolean {
  return error instanceof CommanderError || (error instanceof Error && error.name === 'InvalidOption')
}

/** Commander puts what one may have meant on a line of its own. */
function oneLine(text: string): string {
  return text.split(/\s*\n\s*/).join(' ')
}
