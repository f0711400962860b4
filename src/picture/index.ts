/** The picture of a mesh, for the demo and for the inspector: the ring, its peers, what moves, and the trees. */
export { noColour } from './colours.js'
export { Forest } from './forest.js'
export { holdPress } from './hold-press.js'
export { Legend } from './legend.js'
export { type Flow, type Happening, type LinkLine, MeshObserver, percent, shortened } from './observer.js'
export { PeerTable } from './peer-table.js'
export { nameOfPeer, RingPicture } from './ring-picture.js'
