#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { edgeCommand } from './edge-command.js'
import { signalCommand } from './signal-command.js'
import { simCommand } from './sim-command.js'
import { tokenCommand } from './token-command.js'

/** Bad arguments end with this code, as the shell's own commands do. */
const usageError = 2

const program = new Command('ringmesh')
  .description('One fault-tolerant cluster out of browser tabs and edge workers.')
  .helpCommand(false)
  .addHelpText(
    'after',
    '\nExample:\n  ringmesh signal --port 9000\n  ringmesh edge --signal ws://localhost:9000 --room demo',
  )

for (const command of [signalCommand(), edgeCommand(), simCommand(), tokenCommand()]) {
  program.addCommand(command)
}

for (const command of [program, ...program.commands]) {
  command
    .exitOverride()
    .showHelpAfterError(false)
    .configureOutput({ outputError: () => {} })
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) console.error(`ringmesh: ${error.message.replace(/^error: /, '')}`)
    process.exitCode = error.exitCode === 0 ? 0 : usageError
  } else {
    console.error(`ringmesh: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(isUsageError(error) ? usageError : 1)
  }
}

function isUsageError(error: unknown): boolean {
  return error instanceof Error && error.name === 'InvalidOption'
}
