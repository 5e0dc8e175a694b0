import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apply, applyAll, typingSince } from '../../static/chat/js/dispatch.js'
import { fromSidebar, mentionsOf, putPending, snapshot, unreadOf, withMembers, withPage } from '../../static/chat/js/store.js'
import { alice, at, bob, came, forMe, inRoom, item, members, membership, message, page, room, sidebar, tombstone, user } from './cast.js'

const start = (more) => fromSidebar(sidebar(more))
const reading = (...seqs) => withPage(start(), page(seqs.map((seq) => message(seq))))
const ids = (state, roomId = 'den') => state.timelines[roomId].flatMap((segment) => segment.ids)
const same = (stale, frames, fresh) => assert.deepEqual(snapshot(applyAll(stale, frames)), snapshot(fresh))
const den = (state) => state.rooms.den

test('a message joins the end of the timeline, once', () => {
  const state = applyAll(reading(8), [came(11), came(11), came(12)])
  assert.deepEqual(ids(state), ['m8', 'm11', 'm12'])
  assert.equal(state.positions['room:den'], 12)
})

test('a frame at or below the position changes nothing', () => {
  const state = reading(8)
  assert.equal(apply(state, came(10)), state)
})

test('an unknown event is passed over, its position counts', () => {
  const state = apply(reading(8), inRoom(11, 'pinned', {}))
  assert.equal(state.positions['room:den'], 11)
  assert.equal(apply(state, inRoom(12, 'unavailable', {})).positions['room:den'], 12)
})

test('an edit replaces the text and an older one does not bring it back', () => {
  const edited = message(8, { rev: 12, content: 'better', edited: true })
  const state = apply(reading(8), inRoom(12, 'message_edited', { message: edited }))
  assert.equal(state.messages.m8.content, 'better')
  const old = apply(state, inRoom(13, 'message_edited', { message: message(8, { rev: 9 }) }))
  assert.equal(old.messages.m8.content, 'better')
})

test('a stale page and its frames equal a fresh one: text, edit, removal, reactions', () => {
  const reactions = [{ emoji: '👍', user_ids: ['alice'] }]
  const edited = message(7, { rev: 12, content: 'better', edited: true, edited_at: at(12) })
  const fresh = withPage(
    start({ positions: { 'room:den': 14, 'user:alice': 5 }, rooms: [item('den', { counted_to: 14, unread: 3 })] }),
    page([edited, tombstone(8, 13), message(9, { rev: 14, reactions }), message(11)], { as_of: { stream: 'room:den', seq: 14 } }),
  )
  const stale = withPage(start({ rooms: [item('den', { unread: 3 })] }), page([message(7), message(8), message(9)]))
  same(stale, [
    came(11),
    inRoom(12, 'message_edited', { message: edited }),
    inRoom(13, 'message_deleted', { message_id: 'm8', message: tombstone(8, 13), deleted_by: 'bob' }),
    inRoom(14, 'reactions_changed', { message_id: 'm9', rev: 14, reactions }),
  ], fresh)
})

test('people who join, leave, change role and are muted, in any rendering of the past', () => {
  const muted = membership('den', 'bob', { role: 'moderator', muted_until: at(59), rev: 13 })
  const stale = withMembers(start(), 'den', members([membership('den', 'alice'), membership('den', 'bob')]))
  const fresh = withMembers(start({ positions: { 'room:den': 15 } }), 'den', members([membership('den', 'alice'), muted, membership('den', 'eve', { rev: 15 })], 15))
  same(stale, [
    inRoom(11, 'user_joined_room', { room_id: 'den', user: user('carl'), membership: membership('den', 'carl', { rev: 11 }) }),
    // replayed from the row as it is now, so both carry its last rev
    inRoom(12, 'member_role_changed', { room_id: 'den', user_id: 'bob', old_role: 'member', new_role: 'moderator', rev: 13 }),
    inRoom(13, 'member_muted', { room_id: 'den', user_id: 'bob', muted_until: at(59), rev: 13 }),
    inRoom(14, 'user_left_room', { room_id: 'den', user_id: 'carl', reason: 'left', rev: 14 }),
    inRoom(15, 'user_joined_room', { room_id: 'den', user: user('eve'), membership: membership('den', 'eve', { rev: 15 }) }),
  ], fresh)
})

test('a member page read before someone left does not bring them back', () => {
  const left = inRoom(11, 'user_left_room', { room_id: 'den', user_id: 'bob', reason: 'kicked', rev: 11 })
  const state = withMembers(apply(start(), left), 'den', members([membership('den', 'alice'), membership('den', 'bob')], 10))
  assert.deepEqual(Object.keys(state.members.den.byId), ['alice'])
})

test('a page read before a message came, answered after it, still shows it', () => {
  const state = withPage(apply(start(), came(11)), page([message(8)]))
  assert.deepEqual(ids(state), ['m8', 'm11'])
})

test('a page older than the position asks for the frames in between again', () => {
  const state = withPage(start(), page([message(5)], { as_of: { stream: 'room:den', seq: 6 } }))
  assert.equal(state.positions['room:den'], 6)
  assert.deepEqual(ids(apply(state, came(7))), ['m5', 'm7'])
})

test('my own role and mute show in the room', () => {
  const state = applyAll(start(), [
    inRoom(11, 'member_role_changed', { room_id: 'den', user_id: 'alice', new_role: 'owner', rev: 11 }),
    inRoom(12, 'member_muted', { room_id: 'den', user_id: 'alice', muted_until: at(30), rev: 12 }),
  ])
  assert.equal(den(state).membership.role, 'owner')
  assert.equal(den(state).membership.muted_until, at(30))
})

test('a room changes, comes and goes', () => {
  let state = apply(start(), inRoom(11, 'room_updated', { room: room('den', { rev: 4, topic: 'tea' }), changed_by: 'bob' }))
  assert.equal(den(state).room.topic, 'tea')
  state = apply(state, inRoom(12, 'room_updated', { room: room('den', { rev: 3, topic: 'old' }), changed_by: 'bob' }))
  assert.equal(den(state).room.topic, 'tea')

  state = apply(state, forMe(6, 'room_gained', { item: item('plaza', { counted_to: 40 }) }))
  assert.equal(state.positions['room:plaza'], 40)
  state = apply(state, forMe(7, 'room_lost', { room_id: 'den', reason: 'kicked' }))
  assert.deepEqual(Object.keys(state.rooms), ['plaza'])
  assert.equal(state.positions['room:den'], undefined)
  state = apply(state, inRoom(13, 'user_left_room', { room_id: 'den', user_id: 'alice', reason: 'kicked', rev: 13 }))
  assert.equal(state.positions['room:den'], undefined)
  state = apply(state, { type: 'room_deleted', stream: 'room:plaza', seq: 41, room_id: 'plaza' })
  assert.deepEqual(state.rooms, {})
})

test('losing a room takes its messages along', () => {
  const state = apply(reading(8, 9), forMe(6, 'room_lost', { room_id: 'den', reason: 'private' }))
  assert.deepEqual(state.messages, {})
  assert.deepEqual(snapshot(state).messages, {})
})

test('what others write is counted, my own and the system is not', () => {
  const state = applyAll(start(), [came(11), came(12, { author: 'alice' }), came(13, { kind: 'system', author: null }), came(14, { mentions: ['alice'] })])
  assert.equal(unreadOf(den(state)), 2)
  assert.equal(mentionsOf(den(state)), 1)
})

test('a message the server counted already is not counted again', () => {
  const state = start({ rooms: [item('den', { counted_to: 12, unread: 2 })] })
  assert.equal(unreadOf(den(applyAll(state, [came(11), came(12), came(13)]))), 3)
})

test('a removed message leaves the count, whoever had counted it', () => {
  const state = start({ rooms: [item('den', { unread: 1 })] })
  const removed = (seq, of) => inRoom(seq, 'message_deleted', { message_id: `m${of}`, message: tombstone(of, seq), deleted_by: 'bob' })
  assert.equal(unreadOf(den(applyAll(state, [removed(11, 8)]))), 0)
  assert.equal(unreadOf(den(applyAll(state, [came(11), removed(12, 11)]))), 1)
  // replayed: the message comes as its tombstone already
  const gone = inRoom(11, 'message_received', { message: tombstone(11, 12) })
  assert.equal(unreadOf(den(applyAll(state, [gone, removed(12, 11)]))), 1)
})

test('a mention that is edited away is no mention', () => {
  const named = came(11, { mentions: ['alice'] })
  const state = applyAll(start(), [named, inRoom(12, 'message_edited', { message: message(11, { rev: 12 }) })])
  assert.equal(mentionsOf(den(state)), 0)
  assert.equal(unreadOf(den(state)), 1)
})

test('a count that frames cannot tell is asked for', () => {
  const state = start({ rooms: [item('den', { unread: 100 })] })
  const removed = inRoom(11, 'message_deleted', { message_id: 'm8', message: tombstone(8, 11), deleted_by: 'bob' })
  assert.equal(apply(state, removed).recount, true)
})

test('a read position drops what it covers and keeps what came after it was counted', () => {
  const read = forMe(6, 'read_position_changed', { room_id: 'den', read_seq: 11, unread: 0, mentions: 0, counted_to: 11 })
  const state = applyAll(start(), [came(11), came(12), read])
  assert.equal(den(state).read_seq, 11)
  assert.equal(unreadOf(den(state)), 1)
  const late = apply(state, { type: 'read_position_changed', room_id: 'den', read_seq: 3, unread: 7, mentions: 0, counted_to: 10 })
  assert.equal(den(late).read_seq, 11)
})

test('my settings, profile and invitations follow', () => {
  const invitation = { id: 'i1', room_id: 'attic', invitee_id: 'alice', status: 'pending', rev: 1 }
  let state = applyAll(start(), [
    forMe(6, 'room_settings_changed', { room_id: 'den', notifications: 'mentions', favourite: true, rev: 2 }),
    forMe(7, 'profile_updated', { user: { ...alice, display_name: 'Al', updated_at: at(5) } }),
    forMe(8, 'invitation_received', { invitation }),
  ])
  assert.equal(den(state).favourite, true)
  assert.equal(state.me.display_name, 'Al')
  assert.deepEqual(Object.keys(state.invitations), ['i1'])
  state = apply(state, forMe(9, 'invitation_answered', { invitation: { ...invitation, status: 'cancelled', rev: 2 } }))
  assert.deepEqual(state.invitations, {})
  // replayed after it was answered
  assert.deepEqual(apply(start(), forMe(6, 'invitation_received', { invitation: { ...invitation, status: 'accepted' } })).invitations, {})
})

test('a sanction is known until it is lifted', () => {
  const sanction = { id: 's1', user_id: 'alice', kind: 'mute', scope: 'site', room_id: null, lifted_at: null }
  let state = apply(start(), forMe(6, 'user_sanctioned', { sanction }))
  assert.deepEqual(Object.keys(state.sanctions), ['s1'])
  state = apply(state, forMe(7, 'sanction_lifted', { sanction: { ...sanction, lifted_at: at(9) } }))
  assert.deepEqual(state.sanctions, {})
})

test('presence, receipts and profiles take the latest word', () => {
  const state = applyAll(start(), [
    { type: 'user_offline', user_id: 'bob', username: 'bob' },
    { type: 'user_online', user_id: 'carl', username: 'carl' },
    { type: 'read_up_to', room_id: 'den', user_id: 'bob', read_seq: 9 },
    { type: 'read_up_to', room_id: 'den', user_id: 'bob', read_seq: 4 },
    { type: 'profile_changed', user: { ...bob, display_name: 'Bobby', updated_at: at(3) } },
  ])
  assert.deepEqual(state.online, { carl: true })
  assert.equal(state.receipts.den.bob, 9)
  assert.equal(state.users.bob.display_name, 'Bobby')
})

test('someone typing stops when they write, or after a while', () => {
  const typing = { type: 'user_typing', room_id: 'den', user_id: 'bob', heard_at: 1000 }
  const state = apply(start(), typing)
  assert.deepEqual(state.typing.den, { bob: 1000 })
  assert.deepEqual(apply(state, came(11)).typing.den, {})
  assert.equal(typingSince(state, 900), state)
  assert.deepEqual(typingSince(state, 1001).typing, {})
  assert.deepEqual(apply(start(), { ...typing, user_id: 'alice' }).typing, {})
})

test('my row that waited goes when the event comes before the answer', () => {
  const waiting = putPending(reading(8), { nonce: 'n11', room_id: 'den', content: 'hi', state: 'pending' })
  const state = apply(waiting, came(11, { author: 'alice' }))
  assert.deepEqual(state.pending.den, [])
  assert.deepEqual(ids(state), ['m8', 'm11'])
})

test('a reset drops the timeline, takes the head and keeps the row that waits', () => {
  const waiting = putPending(reading(8), { nonce: 'n1', room_id: 'den', content: 'hi', state: 'pending' })
  const state = apply(waiting, { type: 'reset', stream: 'room:den', head: 900, reason: 'too_many' })
  assert.equal(state.timelines.den, undefined)
  assert.equal(state.positions['room:den'], 900)
  assert.equal(state.pending.den.length, 1)
  assert.equal(state.recount, true)
  assert.deepEqual(apply(waiting, { type: 'reset', stream: 'room:den', head: 9, reason: 'no_access' }).rooms, {})
})
