/** The signalling server: `startSignalServer`, and the rooms in it for the simulator. */
export type { SignalConfiguration, SignalOptions } from './options.js'
export { type SignalServer, type StartSignalOptions, startSignalServer } from './server.js'
