import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyAll } from '../../static/chat/js/dispatch.js'
import { fromSidebar, putPending, dropPending, snapshot, trimmed, unreadOf, withPage, withSidebar } from '../../static/chat/js/store.js'
import { came, forMe, item, message, page, room, sidebar } from './cast.js'

const start = () => fromSidebar(sidebar())
const asOf = (seq) => ({ as_of: { epoch: 'e1', stream: 'room:den', seq } })
const segments = (state) => state.timelines.den.map((segment) => segment.ids.join(' '))

test('older pages join the timeline without a gap', () => {
  let state = withPage(start(), page([message(8), message(10)], { has_older: true }))
  state = withPage(state, page([message(3), message(5)], { has_older: true, has_newer: true }), { before: 8 })
  assert.deepEqual(segments(state), ['m3 m5 m8 m10'])
  state = withPage(state, page([], { has_newer: true }), { before: 3 })
  assert.equal(state.timelines.den[0].has_older, false)
})

test('a page far back stays a segment of its own until the pages between are read', () => {
  let state = withPage(start(), page([message(90), message(91)], { has_older: true, ...asOf(95) }))
  state = withPage(state, page([message(20), message(21)], { has_older: true, has_newer: true, ...asOf(95) }))
  assert.deepEqual(segments(state), ['m20 m21', 'm90 m91'])
  state = withPage(state, page([message(30), message(60), message(90)], { has_older: true, has_newer: true, ...asOf(95) }), { after: 21 })
  assert.deepEqual(segments(state), ['m20 m21 m30 m60 m90 m91'])
  assert.equal(state.timelines.den[0].has_newer, false)
})

test('a new message does not join a segment that does not reach the present', () => {
  const back = withPage(start(), page([message(2)], { has_newer: true }))
  assert.deepEqual(segments(applyAll(back, [came(11)])), ['m2'])
})

test('reading the sidebar again keeps the timeline and what came meanwhile', () => {
  const open = applyAll(withPage(start(), page([message(8)])), [came(11)])
  const again = withSidebar(open, sidebar())
  assert.deepEqual(segments(again), ['m8 m11'])
  assert.equal(again.positions['room:den'], 11)
  assert.equal(unreadOf(again.rooms.den), 1)
})

test('a sidebar read before I joined a room does not take it away, and is read once more', () => {
  const open = applyAll(start(), [forMe(6, 'room_gained', { item: item('plaza') })])
  const again = withSidebar(open, sidebar())
  assert.ok(again.rooms.plaza)
  assert.equal(again.recount, true)
  const newer = withSidebar(open, sidebar({ positions: { 'user:alice': 6, 'room:den': 10 } }))
  assert.deepEqual(Object.keys(newer.rooms), ['den'])
  assert.equal(newer.recount, false)
})

test('an older row of a room in a sidebar changes nothing', () => {
  const held = fromSidebar(sidebar({ rooms: [item('den', { room: room('den', { rev: 5, topic: 'tea' }) })] }))
  assert.equal(withSidebar(held, sidebar()).rooms.den.room.topic, 'tea')
})

test('another epoch forgets what was read, not what waits to be sent', () => {
  const held = putPending(withPage(start(), page([message(8)])), { nonce: 'n1', room_id: 'den', state: 'pending' })
  const state = withSidebar(held, sidebar({ epoch: 'e2', positions: { 'room:den': 3, 'user:alice': 1 } }))
  assert.deepEqual(state.timelines, {})
  assert.equal(state.positions['room:den'], 3)
  assert.equal(state.pending.den.length, 1)
})

test('a waiting row changes in place and goes once', () => {
  let state = putPending(start(), { nonce: 'a', room_id: 'den', content: 'one', state: 'pending' })
  state = putPending(state, { nonce: 'b', room_id: 'den', content: 'two', state: 'pending' })
  state = putPending(state, { nonce: 'a', room_id: 'den', state: 'failed' })
  assert.deepEqual(state.pending.den.map((row) => `${row.nonce} ${row.content} ${row.state}`), ['a one failed', 'b two pending'])
  state = dropPending(state, 'den', 'a')
  assert.equal(dropPending(state, 'den', 'a'), state)
})

test('a long timeline is cut at its old end', () => {
  const state = trimmed(withPage(start(), page([1, 2, 3, 4].map((seq) => message(seq)))), 'den', 2)
  assert.deepEqual(segments(state), ['m3 m4'])
  assert.equal(state.timelines.den[0].has_older, true)
  assert.deepEqual(Object.keys(snapshot(state).messages), ['m3', 'm4'])
})
