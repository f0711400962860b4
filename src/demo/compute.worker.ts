import { expose } from '../worker.js'
import { Compute } from './compute.js'

expose(Compute)
