/** The signalling server: `startSignalServer`, the commands around it, and tokens for it. */
export { runSignal, runToken, type SignalFlags, type TokenFlags } from './command.js'
export { type ConfigurationSources, loadConfiguration, type Setting, settings } from './configuration.js'
export { mintToken, type TokenOptions } from './mint-token.js'
export { type SignalConfiguration, type SignalOptions, signalOptions } from './options.js'
export { type SignalServer, type StartSignalOptions, startSignalServer } from './server.js'
