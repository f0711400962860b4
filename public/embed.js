// All that a page needs besides the script tag.
const parameters = new URLSearchParams(location.search)
const signal = parameters.get('signal') ?? new URL('signal', location.href).href.replace(/^http/, 'ws')
const state = document.getElementById('state')

ringmesh.join({ signal: signal.replace(/\?.*$/, ''), room: parameters.get('room') ?? 'demo' }).then(
  (mesh) => {
    const show = () => {
      state.textContent = `${mesh.members().length} peers, view ${mesh.view}`
    }
    mesh.on('change', show)
    mesh.on('ring', show)
    show()
    window.mesh = mesh
  },
  (error) => {
    state.textContent = `${error.name}: ${error.message}`
  },
)
