/**
 * `ringmesh.worker.js`: for the worker of a page that has no build step. `self.ringmesh` has every name of
 * `ringmesh/worker`, once the worker has it by `importScripts`, or imported it where it is a module.
 *
 * @module
 */
import * as names from '../worker.js'

const thread = globalThis as { ringmesh?: typeof names }

thread.ringmesh = Object.freeze({ ...names })
