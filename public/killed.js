// The way back leads into the room that this tab was in.
document.getElementById('back').search = location.search
