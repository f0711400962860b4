/** The browser's WebRTC, or null where it has none. Browsers that run this script know it by its standard names. */
export default function getBrowserRtc(): object | null {
  const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = globalThis
  return RTCPeerConnection ? { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } : null
}
