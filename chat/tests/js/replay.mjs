// What the client makes of stale reads and the frames after them, for the server's replay tests.
// stdin: a list of {"sidebar": …, "pages": […], "members": {room id: …}, "frames": [frame or array of frames, …]}
// stdout: the list of snapshot(state)

import { readFileSync } from 'node:fs'
import { applyAll } from '../../static/chat/js/dispatch.js'
import { fromSidebar, snapshot, withMembers, withPage } from '../../static/chat/js/store.js'

function replayed({ sidebar, pages = [], members = {}, frames = [] }) {
  let state = fromSidebar(sidebar)
  for (const page of pages) state = withPage(state, page)
  for (const [roomId, page] of Object.entries(members)) state = withMembers(state, roomId, page)
  return snapshot(applyAll(state, frames.flat()))
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(replayed)))
