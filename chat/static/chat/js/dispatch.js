// What each event means for what the client knows. One line per event; an unknown one is passed over, its position counts.

import {
  countDeleted,
  countEdited,
  countReceived,
  dropInvitation,
  putInvitation,
  putItem,
  putReadPosition,
  putRoom,
  putRoomSettings,
  putSanction,
  putUser,
  roomOf,
  withContent,
  withoutRoom,
  withoutTimeline,
} from './store.js';

const handlers = {
  // the stream of a room
  message_received: (state, e) => settled(received(countReceived(state, e.message), e), e.message),
  message_edited: (state, e) => received(countEdited(state, e.message, e.seq), e),
  message_deleted: (state, e) => received(countDeleted(state, e.message, e.seq), e),
  reactions_changed: (state, e) => content(state, e, { kind: 'reactions', reactions: pick(e, 'message_id', 'rev', 'reactions') }),
  user_joined_room: (state, e) => content(putUser(state, e.user), e, { kind: 'member', membership: e.membership }),
  user_left_room: (state, e) => content(state, e, { kind: 'left', left: pick(e, 'room_id', 'user_id', 'rev') }),
  member_role_changed: (state, e) =>
    content(state, e, { kind: 'member_part', part: { ...pick(e, 'room_id', 'user_id', 'rev'), role: e.new_role } }),
  member_muted: (state, e) =>
    content(state, e, { kind: 'member_part', part: pick(e, 'room_id', 'user_id', 'rev', 'muted_until') }),
  room_updated: (state, e) => putRoom(state, e.room),
  room_deleted: (state, e) => withoutRoom(state, e.room_id),

  // my own stream
  room_gained: (state, e) => putItem(state, e.item),
  room_lost: (state, e) => withoutRoom(state, e.room_id),
  room_settings_changed: (state, e) => putRoomSettings(state, e),
  read_position_changed: (state, e) => putReadPosition(state, e),
  invitation_received: (state, e) => putInvitation(state, e.invitation),
  invitation_answered: (state, e) => dropInvitation(state, e.invitation),
  profile_updated: (state, e) => putUser({ ...state, me: e.user }, e.user),
  user_sanctioned: (state, e) => putSanction(state, e.sanction),
  sanction_lifted: (state, e) => putSanction(state, e.sanction),

  // not stored: only the latest counts
  user_typing: (state, e) => typing(state, e, e.heard_at ?? 0),
  user_online: (state, e) => ({ ...state, online: { ...state.online, [e.user_id]: true } }),
  user_offline: (state, e) => ({ ...state, online: without(state.online, e.user_id) }),
  read_up_to: (state, e) => receipt(state, e),
  profile_changed: (state, e) => putUser(state, e.user),

  // the client's own: the server could not send what was missed
  reset: (state, e) => reset(state, e),
}

/** The state after an event. A stored one that is not above the position held for its stream changes nothing. */
export function apply(state, event) {
  const { stream, seq } = event
  if (stream === undefined || seq === undefined) return handlers[event.type]?.(state, event) ?? state
  if (seq <= state.positions[stream]) return state
  const roomId = roomOf(stream)
  if (roomId !== null && !state.rooms[roomId]) return state // a room that is gone, or one whose row brings its own position
  const next = handlers[event.type]?.(state, event) ?? state
  if (roomId !== null && !next.rooms[roomId]) return next
  return { ...next, positions: { ...next.positions, [stream]: seq } }
}

/** Everything the socket brought at once. */
export const applyAll = (state, events) => events.reduce(apply, state)

const content = (state, e, change) => withContent(state, roomOf(e.stream), e.seq, change)
const received = (state, e) => content(state, e, { kind: 'message', message: e.message })

// The event may come before the answer to the send: the row that waited for it has done its work, and its author writes no more.
function settled(state, message) {
  const roomId = message.room_id
  const next = typing(state, { room_id: roomId, user_id: message.author }, null)
  const rows = next.pending[roomId]
  if (message.author !== next.me?.id || !rows?.some((row) => row.nonce === message.nonce)) return next
  return { ...next, pending: { ...next.pending, [roomId]: rows.filter((row) => row.nonce !== message.nonce) } }
}

function typing(state, { room_id: roomId, user_id: userId }, heardAt) {
  const held = state.typing[roomId] ?? {}
  if (userId === state.me?.id || (heardAt === null && !(userId in held))) return state
  const now = heardAt === null ? without(held, userId) : { ...held, [userId]: heardAt }
  return { ...state, typing: { ...state.typing, [roomId]: now } }
}

/** Forget who was heard typing before `since`. */
export function typingSince(state, since) {
  const still = {}
  let changed = false
  for (const [roomId, held] of Object.entries(state.typing)) {
    const kept = Object.entries(held).filter(([, heardAt]) => heardAt >= since)
    changed ||= kept.length < Object.keys(held).length
    if (kept.length) still[roomId] = Object.fromEntries(kept)
  }
  return changed ? { ...state, typing: still } : state
}

function receipt(state, { room_id: roomId, user_id: userId, read_seq: seq }) {
  const held = state.receipts[roomId] ?? {}
  if (held[userId] >= seq) return state
  return { ...state, receipts: { ...state.receipts, [roomId]: { ...held, [userId]: seq } } }
}

function reset(state, { stream, head, reason }) {
  const roomId = roomOf(stream)
  if (reason === 'no_access' && roomId !== null) return withoutRoom(state, roomId)
  const next = { ...state, positions: { ...state.positions, [stream]: head }, recount: true }
  return roomId === null || !state.rooms[roomId] ? next : withoutTimeline(next, roomId, head)
}

const pick = (object, ...keys) => Object.fromEntries(keys.map((key) => [key, object[key]]))
const without = (object, key) => Object.fromEntries(Object.entries(object).filter(([held]) => held !== key))
