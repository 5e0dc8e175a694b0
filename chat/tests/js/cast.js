// People, rooms and frames for the tests of the pure modules, in the shapes of docs/protocol/websocket.md.

export const at = (minute) => `2026-11-02T09:${String(minute).padStart(2, '0')}:00.000Z`
export const user = (id, more = {}) => ({
  id, username: id, display_name: id, email: '', role: 'user', bio: '', timezone: 'UTC', language: 'en',
  is_active: true, created_at: at(0), updated_at: at(0), last_seen_at: null, ...more,
})
export const alice = user('alice', { email: 'alice@example.org' })
export const bob = user('bob')

export const room = (id, more = {}) => ({
  id, rev: 1, kind: 'channel', privacy: 'public', name: id, topic: '', description: '', owner: 'alice', max_members: null,
  mode: 'open', archived_at: null, expires_at: null, created_at: at(0), updated_at: at(0), settings: {}, ...more,
})
export const membership = (roomId, userId, more = {}) => ({
  room_id: roomId, user_id: userId, role: 'member', joined_at: at(0), muted_until: null, rev: 1, ...more,
})
export const item = (id, more = {}) => ({
  room: room(id), membership: membership(id, 'alice'), notifications: 'all', favourite: false, people: [],
  read_seq: 0, unread: 0, mentions: 0, counted_to: 10, last_message_at: null, ...more,
})
export const message = (seq, more = {}) => ({
  id: `m${seq}`, room_id: 'den', seq, rev: seq, kind: 'text', author: 'bob', target: { type: 'room', room_id: 'den' },
  content: `text ${seq}`, edited: false, edited_at: null, deleted_at: null, deleted_by: null, reply_to: null,
  mentions: [], reactions: [], nonce: `n${seq}`, created_at: at(seq), ...more,
})
export const tombstone = (seq, rev) =>
  message(seq, { rev, content: '', mentions: [], reactions: [], deleted_at: at(rev), deleted_by: 'bob' })

export const sidebar = (more = {}) => ({
  epoch: 'e1', positions: { 'room:den': 10, 'user:alice': 5, site: 1 }, me: alice, rooms: [item('den')],
  invitations: [], online: ['bob'], users: [bob], ...more,
})
export const page = (messages, more = {}) => ({
  messages: [...messages].reverse(), has_more: false, has_older: false, has_newer: false, related: [], users: [],
  as_of: { epoch: 'e1', stream: 'room:den', seq: 10 }, ...more,
})
export const members = (list, seq = 10) => ({
  members: list.map((row) => ({
    user_id: row.user_id, username: row.user_id, role: row.role, joined_at: row.joined_at, is_online: false,
    user: user(row.user_id), membership: row,
  })),
  total: list.length, next_cursor: null, as_of: { epoch: 'e1', stream: 'room:den', seq },
})

export const inRoom = (seq, type, fields) => ({ type, stream: 'room:den', seq, ...fields })
export const forMe = (seq, type, fields) => ({ type, stream: 'user:alice', seq, ...fields })
export const came = (seq, more) => inRoom(seq, 'message_received', { message: message(seq, more) })
