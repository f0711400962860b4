// A counter that every tab of the room shares. The test's fixture gives `signal` and `room` in the
// query, and wants the mesh at `window.mesh` and, for partitions, the Chaos at `window.chaos`.
const parameters = new URLSearchParams(location.search)
const chaos = new ringmesh.Chaos()

ringmesh
  .join({ signal: parameters.get('signal'), room: parameters.get('room'), chaos })
  .then((mesh) => {
    const counts = mesh.store('counts', { merge: ringmesh.counter() })
    const button = document.querySelector('#more')
    button.addEventListener('click', () => counts.update('clicks', (clicks = 0) => clicks + 1))
    counts.watch('clicks', (clicks = 0) => {
      document.querySelector('#count').textContent = String(clicks)
    })
    button.disabled = false
    Object.assign(window, { mesh, chaos })
  })
  .catch((error) => {
    window.meshError = String(error)
  })
