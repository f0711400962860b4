/** Certificates live for 30 days where nothing else is asked for; one is not used in its last. In milliseconds. */
const lastDay = 86_400_000

/**
 * The certificate of all direct links of this page. A connection that is given none makes a pair of
 * keys and a certificate of its own before it can say anything, on the thread that carries all others.
 */
export class SharedCertificate {
  #certificate: RTCCertificate | undefined
  #isMaking = false

  /** What a connection's configuration is to have of it: nothing as long as it is not made. */
  get configuration(): Pick<RTCConfiguration, 'certificates'> {
    const certificate = this.#certificate
    if (certificate !== undefined && certificate.expires - Date.now() > lastDay)
      return { certificates: [certificate] }
    this.#make()
    return {}
  }

  #make(): void {
    const { RTCPeerConnection: Connection } = globalThis
    if (this.#isMaking || typeof Connection?.generateCertificate !== 'function') return
    this.#isMaking = true
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    void Connection.generateCertificate(algorithm)
      .then((certificate) => {
        this.#certificate = certificate
      })
      // Each connection then makes its own, as before.
      .catch(() => {})
      .finally(() => {
        this.#isMaking = false
      })
  }
}
