import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'

let n = 0
if (parentPort !== null) expose({ inc: () => ++n }, nodeEndpoint(parentPort))
