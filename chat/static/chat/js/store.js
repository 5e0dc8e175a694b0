// What the client knows, as one plain object, and how its rows change. Pure: nothing here fetches, waits or draws.
// Rows are upserts by `rev`: an older one changes nothing. An equal one is the same state of the row and may be applied again.

const LIVE = Number.MAX_SAFE_INTEGER // the end of a segment that reaches the present
const MOST_UNREAD = 100 // where the server stops counting
const RECENT = 256 // changes kept per room, to lay over a page that was read a moment before them

export const streamOf = (roomId) => `room:${roomId}`
export const roomOf = (stream) => (stream.startsWith('room:') ? stream.slice(5) : null)

/** The state before anything was read. */
export const emptyState = () => ({
  epoch: null,
  positions: {}, // stream → seq of the last frame applied
  me: null,
  users: {}, // id → User
  online: {}, // id → true
  rooms: {}, // id → SidebarItem, with `fresh` (what counted after `counted_to`) and `settings_rev`
  invitations: {}, // id → Invitation
  sanctions: {}, // id → Sanction of mine
  messages: {}, // id → Message
  timelines: {}, // room id → segments, oldest first
  members: {}, // room id → {byId, gone, next_cursor, total}
  receipts: {}, // room id → {user id → seq}
  typing: {}, // room id → {user id → when it was heard, in ms}
  pending: {}, // room id → rows not acknowledged yet, in order of writing
  recent: {}, // room id → the last content changes, in order
  recount: false, // a count can no longer be told from frames: the sidebar has to be read again
})

/** The state a sidebar answer gives. */
export const fromSidebar = (json) => withSidebar(emptyState(), json)

/** A sidebar answer laid over what is known; timelines, members and pending rows stay. */
export function withSidebar(state, json) {
  const sameHistory = state.epoch === null || state.epoch === json.epoch
  const base = sameHistory ? state : { ...state, positions: {}, rooms: {}, messages: {}, timelines: {}, members: {}, recent: {} }
  const mine = `user:${json.me.id}`
  // Rooms may have come or gone since it was read: change none of them, and read it once more.
  const late = base.positions[mine] > json.positions[mine]

  const items = late ? json.rooms.filter((item) => base.rooms[item.room.id]) : json.rooms
  const rooms = late ? { ...base.rooms } : {}
  const recent = { ...base.recent }
  for (const item of items) {
    const { id } = item.room
    rooms[id] = newerItem(base.rooms[id], item)
    recent[id] ??= { since: json.positions[streamOf(id)], changes: [] }
  }
  let next = {
    ...base,
    epoch: json.epoch,
    positions: { ...json.positions, ...heldPositions(base, rooms) },
    me: json.me,
    users: withUsers(base.users, [...(json.users ?? []), ...json.rooms.flatMap((item) => item.people), json.me], json.me),
    online: Object.fromEntries((json.online ?? []).map((id) => [id, true])),
    rooms,
    invitations: late ? base.invitations : Object.fromEntries(json.invitations.map((row) => [row.id, row])),
    recent,
    recount: late,
  }
  for (const roomId of Object.keys(base.rooms)) if (!rooms[roomId]) next = withoutRoom(next, roomId)
  return next
}

// A position held is never moved by a page: frames between the two are on their way, and applying them twice is harmless.
function heldPositions(state, rooms) {
  const held = {}
  for (const [stream, seq] of Object.entries(state.positions)) {
    const roomId = roomOf(stream)
    if (roomId === null || rooms[roomId]) held[stream] = seq
  }
  return held
}

function newerItem(held, item) {
  if (!held) return { ...item, fresh: {}, settings_rev: 0 }
  return {
    ...item,
    settings_rev: held.settings_rev,
    room: held.room.rev > item.room.rev ? held.room : item.room,
    membership: held.membership.rev > item.membership.rev ? held.membership : item.membership,
    ...newerCounts(held, item),
  }
}

// Counts are exact at `counted_to`; what counted after that is kept by id in `fresh` and added when shown.
function newerCounts(held, counted) {
  if (counted.counted_to < held.counted_to) return countsOf(held, held.fresh)
  const above = Math.max(counted.counted_to, counted.read_seq)
  return countsOf(counted, Object.fromEntries(Object.entries(held.fresh).filter(([, row]) => row.seq > above)))
}

const countsOf = ({ read_seq, unread, mentions, counted_to }, fresh) => ({ read_seq, unread, mentions, counted_to, fresh })

/** How many messages wait in a room; 100 means "more than 99". */
export const unreadOf = (item) => Math.min(MOST_UNREAD, item.unread + Object.keys(item.fresh).length)

/** How many of them name me. */
export const mentionsOf = (item) =>
  Math.min(MOST_UNREAD, item.mentions + Object.values(item.fresh).filter((row) => row.mention).length)

// ---- people

/** People by id; a profile with an older `updated_at` changes nothing, and a blank address never replaces my own. */
export function withUsers(users, list, me) {
  const next = { ...users }
  for (const user of list) {
    if (!user) continue
    const held = next[user.id]
    if (held && isLater(held.updated_at, user.updated_at)) continue
    next[user.id] = me && user.id === me.id && !user.email ? { ...user, email: me.email } : user
  }
  return next
}

// Not by text: fractions of a second come with as many digits as they need.
const isLater = (a, b) => Date.parse(a) > Date.parse(b)

/** Someone's profile as it is now. */
export const putUser = (state, user) => ({ ...state, users: withUsers(state.users, [user], state.me) })

// ---- rooms

/** I am in this room from here on. Its counts and rows hold at `counted_to`, so its frames go on from there. */
export function putItem(state, item) {
  const { id } = item.room
  const stream = streamOf(id)
  return {
    ...state,
    rooms: { ...state.rooms, [id]: newerItem(state.rooms[id], item) },
    users: withUsers(state.users, item.people, state.me),
    positions: { [stream]: item.counted_to, ...state.positions },
    recent: { [id]: { since: item.counted_to, changes: [] }, ...state.recent },
  }
}

const withItem = (state, roomId, change) => {
  const item = state.rooms[roomId]
  return item ? { ...state, rooms: { ...state.rooms, [roomId]: change(item) } } : state
}

/** A room's own row. */
export const putRoom = (state, room) =>
  withItem(state, room.id, (item) => (item.room.rev > room.rev ? item : { ...item, room }))

/** My notification level and star for a room. */
export const putRoomSettings = (state, { room_id, notifications, favourite, rev }) =>
  withItem(state, room_id, (item) =>
    item.settings_rev > rev ? item : { ...item, notifications, favourite, settings_rev: rev },
  )

/** Forget a room and everything in it. */
export function withoutRoom(state, roomId) {
  const messages = {}
  for (const [id, message] of Object.entries(state.messages)) if (message.room_id !== roomId) messages[id] = message
  const next = { ...state, messages, positions: without(state.positions, streamOf(roomId)) }
  for (const part of ['rooms', 'timelines', 'members', 'receipts', 'typing', 'pending', 'recent']) {
    next[part] = without(state[part], roomId)
  }
  return next
}

const without = (object, key) => {
  if (!(key in object)) return object
  const { [key]: _, ...rest } = object
  return rest
}

// ---- counting

/** My read position and what is unread above it, as the server counted it. */
export const putReadPosition = (state, counts) =>
  withItem(state, counts.room_id, (item) => ({ ...item, ...newerCounts(item, counts) }))

const counts = (state, item, message) =>
  message.seq > item.read_seq &&
  message.author !== state.me?.id &&
  message.kind !== 'system' &&
  message.deleted_at === null

/** A message came: it counts if the server has not counted it yet. */
export const countReceived = (state, message) =>
  withItem(state, message.room_id, (item) => {
    const known = { ...item, last_message_at: later(item.last_message_at, message.created_at) }
    if (message.seq <= item.counted_to || !counts(state, item, message)) return known
    return { ...known, fresh: { ...item.fresh, [message.id]: countable(state, message) } }
  })

const countable = (state, message) => ({ seq: message.seq, mention: message.mentions.includes(state.me?.id) })
const later = (a, b) => (a !== null && isLater(a, b) ? a : b)

/** A message was edited: it may name me now, or no longer. */
export function countEdited(state, message, at) {
  const item = state.rooms[message.room_id]
  if (!item) return state
  if (item.fresh[message.id]) {
    const fresh = { ...item.fresh, [message.id]: countable(state, message) }
    return withItem(state, message.room_id, () => ({ ...item, fresh }))
  }
  if (at <= item.counted_to || message.seq > item.counted_to || !counts(state, item, message)) return state
  const held = state.messages[message.id]
  if (!held) return { ...state, recount: true }
  if (held.deleted_at !== null) return state
  const change = Number(countable(state, message).mention) - Number(countable(state, held).mention)
  return withItem(state, message.room_id, () => ({ ...item, mentions: Math.max(0, item.mentions + change) }))
}

/** A message was removed at position `at`: it leaves the count it was in. */
export function countDeleted(state, message, at) {
  const item = state.rooms[message.room_id]
  if (!item) return state
  if (item.fresh[message.id]) {
    return withItem(state, message.room_id, () => ({ ...item, fresh: without(item.fresh, message.id) }))
  }
  const was = { ...message, deleted_at: null }
  if (at <= item.counted_to || message.seq > item.counted_to || !counts(state, item, was)) return state
  if (item.unread >= MOST_UNREAD) return { ...state, recount: true }
  const held = state.messages[message.id]
  const knowsMentions = held !== undefined && held.deleted_at === null
  const mentioned = knowsMentions && countable(state, held).mention
  const next = withItem(state, message.room_id, () => ({
    ...item,
    unread: Math.max(0, item.unread - 1),
    mentions: Math.max(0, item.mentions - Number(mentioned)),
  }))
  return knowsMentions || item.mentions === 0 ? next : { ...next, recount: true }
}

// ---- messages

/** A message as it is now. It joins the timeline where that reaches the present, else only a row at hand changes. */
export function putMessage(state, message) {
  const held = state.messages[message.id]
  const segments = state.timelines[message.room_id]
  const end = segments?.at(-1)
  const joins = end !== undefined && !end.has_newer && message.seq >= end.from_seq && !end.ids.includes(message.id)
  if (!held && !joins) return state
  const messages = held && held.rev > message.rev ? state.messages : { ...state.messages, [message.id]: message }
  if (!joins) return { ...state, messages }
  const segment = { ...end, ids: inOrder([...end.ids, message.id], messages) }
  return { ...state, messages, timelines: { ...state.timelines, [message.room_id]: [...segments.slice(0, -1), segment] } }
}

function inOrder(ids, messages) {
  const last = ids.length - 1
  // A new message is nearly always the last one: sort only if it is not.
  const sorted = last < 1 || messages[ids[last - 1]].seq < messages[ids[last]].seq
  return sorted ? ids : ids.sort((a, b) => messages[a].seq - messages[b].seq)
}

/** The reactions to a message. */
export function putReactions(state, { message_id, rev, reactions }) {
  const held = state.messages[message_id]
  if (!held || held.rev > rev) return state
  return { ...state, messages: { ...state.messages, [message_id]: { ...held, rev, reactions } } }
}

/** A message read on its own, such as one that is answered to: known, but in no timeline. */
export const withMessage = (state, message) =>
  state.messages[message.id]?.rev >= message.rev
    ? state
    : { ...state, messages: { ...state.messages, [message.id]: message } }

// What changed inside rooms a moment ago. A page read before such a change but answered after it gets the change again.
const CONTENT = {
  message: (state, { message }) => putMessage(state, message),
  reactions: (state, { reactions }) => putReactions(state, reactions),
  member: (state, { membership }) => putMember(state, membership),
  member_part: (state, { part }) => putMemberPart(state, part),
  left: (state, { left }) => dropMember(state, left),
}

/** Change a room's content and remember the change at its position. `change.kind` names one of CONTENT. */
export function withContent(state, roomId, at, change) {
  const next = CONTENT[change.kind](state, change)
  const held = state.recent[roomId] ?? { since: at - 1, changes: [] }
  const changes = [...held.changes, { at, ...change }]
  const since = changes.length > RECENT ? changes.shift().at : held.since
  return { ...next, recent: { ...next.recent, [roomId]: { since, changes } } }
}

// Lay the changes after `asOf` over a page. Where some of them are not at hand, go back to `asOf`: the socket sees that the
// next frame does not follow, and asks for those in between. Applying one twice is harmless.
function again(state, roomId, asOf) {
  const stream = streamOf(roomId)
  const { since, changes } = state.recent[roomId] ?? { since: asOf, changes: [] }
  let next = state
  for (const change of changes) if (change.at > asOf) next = CONTENT[change.kind](next, change)
  if (since <= asOf || !(next.positions[stream] > asOf)) return next
  return {
    ...next,
    positions: { ...next.positions, [stream]: asOf },
    recent: { ...next.recent, [roomId]: { since: asOf, changes: [] } },
  }
}

/**
 * A page of messages laid into its room's timeline. `asked` is what it was asked with: `{before}` or `{after}` a seq,
 * so that the page touches the segment it continues.
 */
export function withPage(state, page, asked = {}) {
  const roomId = roomOf(page.as_of.stream)
  const rows = [...page.messages].sort((a, b) => a.seq - b.seq)
  const messages = { ...state.messages }
  for (const row of [...rows, ...(page.related ?? [])]) if (!(messages[row.id]?.rev > row.rev)) messages[row.id] = row
  const segment = {
    from_seq: !page.has_older ? 0 : asked.after === undefined ? rows[0].seq : asked.after + 1,
    to_seq: !page.has_newer ? LIVE : asked.before === undefined ? rows.at(-1).seq : asked.before - 1,
    ids: rows.map((row) => row.id),
    has_older: page.has_older,
    has_newer: page.has_newer,
  }
  const users = withUsers(state.users, page.users ?? [], state.me)
  const timelines = { ...state.timelines, [roomId]: merged(state.timelines[roomId] ?? [], segment, messages) }
  return again({ ...state, users, messages, timelines }, roomId, page.as_of.seq)
}

// Segments that overlap or touch become one.
function merged(segments, added, messages) {
  const apart = []
  let one = added
  for (const segment of segments) {
    if (segment.to_seq + 1 < one.from_seq || one.to_seq + 1 < segment.from_seq) apart.push(segment)
    else one = joined(segment, one, messages)
  }
  return [...apart, one].sort((a, b) => a.from_seq - b.from_seq)
}

function joined(a, b, messages) {
  const lower = a.from_seq <= b.from_seq ? a : b
  const upper = a.to_seq >= b.to_seq ? a : b
  const ids = [...new Set([...a.ids, ...b.ids])].sort((x, y) => messages[x].seq - messages[y].seq)
  return { from_seq: lower.from_seq, to_seq: upper.to_seq, ids, has_older: lower.has_older, has_newer: upper.has_newer }
}

/** Drop what is held of a room's content after a reset at `head`: its newest page has to be read again. Pending rows stay. */
export const withoutTimeline = (state, roomId, head) => ({
  ...state,
  timelines: without(state.timelines, roomId),
  members: without(state.members, roomId),
  recent: { ...state.recent, [roomId]: { since: head, changes: [] } },
})

/** Keep the newest `most` messages of a room, to bound memory. */
export function trimmed(state, roomId, most) {
  const end = state.timelines[roomId]?.at(-1)
  if (!end) return state
  const ids = end.ids.slice(-most)
  const kept = new Set(ids)
  const messages = {}
  for (const [id, row] of Object.entries(state.messages)) if (row.room_id !== roomId || kept.has(id)) messages[id] = row
  const cut = ids.length < end.ids.length
  const segment = { ...end, ids, has_older: end.has_older || cut, from_seq: cut ? messages[ids[0]].seq : end.from_seq }
  return { ...state, messages, timelines: { ...state.timelines, [roomId]: [segment] } }
}

// ---- members

const emptyMembers = () => ({ byId: {}, gone: {}, next_cursor: null, total: 0 })
const withMembersOf = (state, roomId, change) => {
  const held = state.members[roomId]
  return held ? { ...state, members: { ...state.members, [roomId]: change(held) } } : state
}

/** A page of a room's members. */
export function withMembers(state, roomId, page) {
  const held = state.members[roomId] ?? emptyMembers()
  const byId = { ...held.byId }
  for (const { membership } of page.members) {
    const known = byId[membership.user_id]
    if (!(known?.rev > membership.rev) && !(held.gone[membership.user_id] >= membership.rev)) byId[membership.user_id] = membership
  }
  const online = { ...state.online }
  for (const row of page.members) if (row.is_online) online[row.user_id] = true
  const next = {
    ...state,
    online,
    users: withUsers(state.users, page.members.map((row) => row.user), state.me),
    members: { ...state.members, [roomId]: { ...held, byId, next_cursor: page.next_cursor ?? null, total: page.total ?? 0 } },
  }
  return page.as_of ? again(next, roomId, page.as_of.seq) : next
}

/** Someone is a member as told. */
export function putMember(state, membership) {
  const { room_id: roomId, user_id: userId, rev } = membership
  const next = withMembersOf(state, roomId, (held) => {
    const known = held.byId[userId]
    if (known?.rev > rev || held.gone[userId] >= rev) return held
    return { ...held, byId: { ...held.byId, [userId]: membership }, total: held.total + (known ? 0 : 1) }
  })
  return userId === state.me?.id ? putOwnMembership(next, roomId, membership) : next
}

/** One part of a membership changed: its role, or until when it is muted. */
export function putMemberPart(state, { room_id: roomId, user_id: userId, rev, ...part }) {
  const next = withMembersOf(state, roomId, (held) => {
    const known = held.byId[userId]
    return !known || known.rev > rev ? held : { ...held, byId: { ...held.byId, [userId]: { ...known, ...part, rev } } }
  })
  return userId === state.me?.id ? putOwnMembership(next, roomId, { ...part, rev }) : next
}

const putOwnMembership = (state, roomId, part) =>
  withItem(state, roomId, (item) =>
    item.membership.rev > part.rev ? item : { ...item, membership: { ...item.membership, ...part } },
  )

/** Someone's membership ended. Its rev is remembered, so that an older page does not bring it back. */
export const dropMember = (state, { room_id: roomId, user_id: userId, rev }) =>
  withMembersOf(state, roomId, (held) => {
    if (held.byId[userId]?.rev > rev || held.gone[userId] >= rev) return held
    const gone = { ...held.gone, [userId]: rev }
    return { ...held, byId: without(held.byId, userId), gone, total: Math.max(0, held.total - 1) }
  })

// ---- invitations and sanctions

/** An invitation to me, as long as it waits for my answer. */
export const putInvitation = (state, invitation) =>
  invitation.status === 'pending' && invitation.invitee_id === state.me?.id
    ? { ...state, invitations: { ...state.invitations, [invitation.id]: invitation } }
    : dropInvitation(state, invitation)

/** An invitation that was answered or taken back. */
export const dropInvitation = (state, invitation) => ({ ...state, invitations: without(state.invitations, invitation.id) })

/** What staff decided about me. A lifted one is forgotten. */
export const putSanction = (state, sanction) => ({
  ...state,
  sanctions: sanction.lifted_at === null ? { ...state.sanctions, [sanction.id]: sanction } : without(state.sanctions, sanction.id),
})

// ---- rows of mine that wait for an answer

/** A row drawn before the server has it: {nonce, room_id, content, reply_to, created_at, state, error}. */
export function putPending(state, row) {
  const rows = state.pending[row.room_id] ?? []
  const next = rows.some((held) => held.nonce === row.nonce)
    ? rows.map((held) => (held.nonce === row.nonce ? { ...held, ...row } : held))
    : [...rows, row]
  return { ...state, pending: { ...state.pending, [row.room_id]: next } }
}

/** The row was acknowledged, or given up. */
export function dropPending(state, roomId, nonce) {
  const rows = state.pending[roomId]
  if (!rows?.some((row) => row.nonce === nonce)) return state
  return { ...state, pending: { ...state.pending, [roomId]: rows.filter((row) => row.nonce !== nonce) } }
}

// ---- for comparing

const by = (key) => (a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0)
const omit = (object, keys) => Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)).sort())

/**
 * The state in one form that two ways of reaching it can be compared by: after a stale read plus its frames, and after a
 * fresh read. Left out is what no frame carries: positions, presence, profiles of others, counting marks.
 */
export function snapshot(state) {
  const rooms = Object.values(state.rooms).map((item) => ({
    room: omit(item.room, []),
    membership: omit(item.membership, ['rev']),
    notifications: item.notifications,
    favourite: item.favourite,
    read_seq: item.read_seq,
    unread: unreadOf(item),
    mentions: mentionsOf(item),
  }))
  const messages = {}
  for (const segments of Object.values(state.timelines)) {
    for (const id of segments.flatMap((segment) => segment.ids)) messages[id] = omit(state.messages[id], [])
  }
  const members = {}
  for (const [roomId, held] of Object.entries(state.members)) {
    members[roomId] = Object.values(held.byId).map((row) => omit(row, ['rev'])).sort(by('user_id'))
  }
  return {
    me: state.me && omit(state.me, ['last_seen_at']),
    rooms: rooms.sort((a, b) => (a.room.id < b.room.id ? -1 : 1)),
    invitations: Object.values(state.invitations).sort(by('id')).map((row) => omit(row, [])),
    messages: Object.fromEntries(Object.entries(messages).sort(([a], [b]) => (a < b ? -1 : 1))),
    members: Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1))),
    order: Object.fromEntries(
      Object.entries(state.timelines).map(([roomId, segments]) => [roomId, segments.map((segment) => segment.ids)]).sort(),
    ),
  }
}
