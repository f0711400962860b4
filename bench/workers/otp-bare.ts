import { parentPort } from 'node:worker_threads'

let n = 0
parentPort?.on('message', () => parentPort?.postMessage(++n))
parentPort?.postMessage('ready')
