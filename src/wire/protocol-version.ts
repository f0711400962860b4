/**
 * The version of everything in this folder. Two peers, or a peer and a signalling server, that do
 * not share it refuse each other with `ProtocolMismatch`; it is raised when a message changes in a
 * way that an older peer cannot read.
 */
export const protocolVersion = 1
