// What a person can do, and the signals everything is drawn from. Components read the signals and call these; they fetch nothing.

import { batch, computed, effect, signal, untracked } from '../vendor/lair-ui.js';
import * as api from './api.js';
import { applyAll, typingSince } from './dispatch.js';
import { connect } from './socket.js';
import {
  dropInvitation,
  dropPending,
  emptyState,
  fromSidebar,
  putItem,
  putMessage,
  putPending,
  putReactions,
  putReadPosition,
  putRoom,
  putUser,
  streamOf,
  trimmed,
  withMembers,
  withMessage,
  withPage,
  withSidebar,
  withoutRoom,
} from './store.js';

const PAGE = 50
const MOST_HELD = 2_000 // messages of one room, see webclient.md
const MOST_WAITING = 50
const OUTBOX_MS = 24 * 3_600_000
const TYPING_MS = 5_000
const TELL_TYPING_MS = 3_000
const READ_EVERY_MS = 2_000

export const state = signal(emptyState())
export const connection = signal('connecting')
export const route = signal({ name: 'home' })
export const panel = signal(null) // null or 'people'
export const narrow = signal('main') // which column a narrow window shows: 'sidebar' or 'main'
export const dialog = signal(null) // {name, …} or null
export const notice = signal(null) // {text, bad} shown for a moment
export const polite = signal('') // what the polite announcer says
export const replyTo = signal({}) // room id → message answered to
export const editing = signal(null) // id of the message being edited
export const lineAt = signal({}) // room id → read position when the room was opened: the unread line stands after it
export const loading = signal({}) // room id → what is being read: newest, older, newer, around
export const failed = signal({}) // room id → the refusal its page got
export const target = signal(null) // id of the message a link points to

export const me = computed(() => state.value.me)
export const roomId = computed(() => (route.value.name === 'room' ? route.value.roomId : null))
export const item = computed(() => state.value.rooms[roomId.value] ?? null)

let socket = null

/** Who somebody is, or a stand-in until their profile was read. */
export function person(id) {
  const known = state.value.users[id]
  if (known) return known
  if (id) queueMicrotask(() => ensureUser(id))
  return { id, username: '', display_name: '…', role: 'user' }
}

export const nameOf = (user) => user.display_name || user.username

/** What a room is called: a direct conversation by its people. */
export function roomName(row) {
  if (row.room.kind !== 'direct') return row.room.name
  const others = othersOf(row)
  return others.length ? others.map((user) => nameOf(user)).join(', ') : 'Notes to yourself'
}

/** The people of a direct conversation but me, with their profiles as they are now. */
export const othersOf = (row) =>
  row.people.filter((user) => user.id !== state.value.me.id).map((user) => state.value.users[user.id] ?? user)

// Takes a function of the state as it is now, so that nothing that came while an answer was awaited is overwritten.
const change = (step) => {
  state.value = step(state.value)
}

function tell(text, bad = false) {
  notice.value = { text, bad }
}

/** Run something a person asked for; a refusal is shown to them. Gives null if it was refused. */
export async function attempt(work) {
  try {
    return await work()
  } catch (refusal) {
    if (refusal.code === undefined) throw refusal
    tell(refusal.message, true)
    return null
  }
}

const flag = (of, key, value) => {
  of.value = { ...of.value, [key]: value }
}

// ---- starting and following

/** Draw from the data in the page, then follow the streams from there. */
export function start(boot) {
  api.configure({ csrf: boot.csrf, signedOut: leave })
  let first = fromSidebar(boot.sidebar)
  if (boot.page) first = withPage(first, boot.page)
  change(() => first)
  firstRoom = boot.room_id
  restoreOutbox()
  socket = connect({
    address: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
    name: `Lair Chat web ${boot.build}`,
    resume: () => (state.value.epoch ? { epoch: state.value.epoch, positions: state.value.positions } : null),
    onEvents: receive,
    onReady: ready,
    onState: connected,
    onEnd: ended,
  })
  setInterval(() => change((now) => typingSince(now, Date.now() - TYPING_MS)), 1_000)
  effect(() => state.value.recount && untracked(readSidebarSoon))
  effect(() => {
    const open = roomId.value
    if (!open || !state.value.rooms[open]) return
    const segments = state.value.timelines[open]
    // A link to an old message shows that part of the room; the newest one is read when it is asked for.
    if (!segments || (!route.value.messageId && segments.at(-1).has_newer)) untracked(() => readNewest(open))
  })
}

/** Take frames in. False asks the socket to begin anew: a frame did not follow the one before. */
function receive(events) {
  const heardAt = Date.now()
  let whole = true
  const before = state.value
  const next = events.reduce((held, event) => {
    const position = held.positions[event.stream]
    if (event.seq > position + 1) whole = false
    return whole ? applyAll(held, [event.type === 'user_typing' ? { ...event, heard_at: heardAt } : event]) : held
  }, before)
  change(() => next)
  announce(before, events)
  if (events.some((event) => event.type === 'staff_changed' || event.type === 'site_changed')) readSidebarSoon()
  return whole
}

let firstReady = true

function ready(frame) {
  if (frame.user) change((now) => putUser(now, frame.user))
  const unknown = Object.keys(frame.streams).some((stream) => !(stream in state.value.positions))
  // Profiles and presence are announced, not logged: after an absence they are read again.
  if (!firstReady || unknown) readSidebarSoon()
  firstReady = false
}

function connected(next) {
  connection.value = next
  if (next === 'live') {
    flushOutbox()
    failed.value = {} // what could not be read without a connection is read now
    if (!roomId.value) return
    readReceipts(roomId.value)
    if (!state.value.timelines[roomId.value]) readNewest(roomId.value)
  }
}

const REASONS = { 4001: 'signed_out', 4010: 'session_ended' }

function ended(code, reason) {
  if (code === 4011) location.assign('/account/status')
  else if (code === 4003) tell(reason || 'This address may not open a connection here.', true)
  else leave(REASONS[code])
}

const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('lair') : null
if (tabs) tabs.onmessage = ({ data }) => data === 'signed-out' && leave('signed_out')

/** Forget everything and go to the sign-in page. */
function leave(reason) {
  socket?.end()
  outbox.clear()
  location.assign(`/login?reason=${encodeURIComponent(reason)}&next=${encodeURIComponent(location.pathname)}`)
}

/** End the session of this browser: other tabs follow, waiting rows are dropped. */
export function signOut() {
  socket?.end()
  tabs?.postMessage('signed-out')
  forgetDrafts()
  return outbox.clear()
}

let sidebarTimer = null

function readSidebarSoon() {
  sidebarTimer ??= setTimeout(async () => {
    sidebarTimer = null
    const json = await api.get('/sidebar').catch(() => null)
    if (json) change((now) => withSidebar(now, json))
    else if (state.value.recount) setTimeout(readSidebarSoon, 5_000)
  }, 300)
}

// Announcer: others' new messages in the open room, in a few words.
function announce(before, events) {
  const open = roomId.value
  const fresh = events.filter(
    (e) => e.type === 'message_received' && e.message.room_id === open && e.message.author !== before.me?.id && !e.message.deleted_at,
  )
  if (!fresh.length) return
  const last = fresh.at(-1).message
  polite.value =
    fresh.length > 3 ? `${fresh.length} new messages` : `${nameOf(person(last.author))}: ${last.content.slice(0, 140)}`
}

// ---- going places

/** Show what an address says. */
export function go(path, { replace = false } = {}) {
  if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path)
  follow()
}

/** Read the address and show it. */
export function follow() {
  const [, first, second, third] = location.pathname.split('/')
  const before = roomId.value
  batch(() => {
    if (first === 'r' && second) route.value = { name: 'room', roomId: second, messageId: third ?? null }
    else if (first === 'd' && second) route.value = { name: 'direct', username: decodeURIComponent(second) }
    else if (first === 'rooms') route.value = { name: second === 'new' ? 'new_room' : 'rooms' }
    else route.value = { name: 'home' }
    if (roomId.value !== before) leaveRoom(before)
    narrow.value = route.value.name === 'home' ? 'sidebar' : 'main'
    target.value = third ?? null
    if (roomId.value && roomId.value !== before) enterRoom(roomId.value)
  })
  if (third) showMessage(third)
  if (route.value.name === 'direct') openDirectWith(route.value.username)
  if (route.value.name === 'home') openLastRoom()
}

function leaveRoom(id) {
  if (!id) return
  held.delete(id)
  editing.value = null
  change((now) => trimmed(now, id, MOST_HELD))
}

function enterRoom(id) {
  const row = state.value.rooms[id]
  if (!row) return
  remember(LAST_ROOM, id)
  lineAt.value = { ...lineAt.value, [id]: row.read_seq }
  if (connection.value === 'live') readReceipts(id)
}

const LAST_ROOM = 'lair-last-room'
let firstRoom = null // the room whose page came with the document
const wide = () => matchMedia('(min-width: 720px)').matches

function openLastRoom() {
  const { rooms } = state.value
  const id = [firstRoom, recall(LAST_ROOM), Object.keys(rooms)[0]].find((one) => rooms[one])
  firstRoom = null
  if (id && wide()) go(`/r/${id}`, { replace: true })
}

async function openDirectWith(username) {
  const found = await attempt(() => api.get('/users', { search: username, limit: 20 }))
  const row = found?.users.find(({ user }) => user.username.toLowerCase() === username.toLowerCase())
  if (row) await openDirect([row.user.id], { replace: true })
  else if (found) {
    tell(`There is nobody called ${username} here.`, true)
    go('/rooms', { replace: true })
  }
}

// ---- reading

async function reading(id, what, query, asked = {}) {
  if (loading.value[id]) return null
  flag(loading, id, what)
  try {
    const page = await api.get('/messages', { target_type: 'room', target_id: id, limit: PAGE, ...query })
    batch(() => {
      if (state.value.rooms[id]) change((now) => withPage(now, page, asked))
      flag(failed, id, null)
      flag(loading, id, null)
    })
    return page
  } catch (refusal) {
    batch(() => {
      flag(failed, id, refusal)
      flag(loading, id, null)
    })
    if (refusal.code === undefined) throw refusal
    return null
  }
}

/** The newest page of a room. */
export const readNewest = (id) => (failed.value[id] ? null : reading(id, 'newest', {}))

/** Try again what failed. */
export function readAgain(id) {
  flag(failed, id, null)
  return readNewest(id)
}

export const readOlder = (id, before) => reading(id, 'older', { before }, { before })
export const readNewer = (id, after) => reading(id, 'newer', { after }, { after })

/** Make the message a link points to readable, wherever it stands. */
async function showMessage(messageId) {
  const answer = await attempt(() => api.get(`/messages/${messageId}`))
  if (!answer) return
  const { message } = answer
  const segments = state.value.timelines[message.room_id] ?? []
  if (!segments.some((segment) => segment.ids.includes(message.id))) {
    await reading(message.room_id, 'around', { around: message.seq })
  }
  target.value = null
  target.value = messageId
}

const asked = new Set()

async function once(key, work) {
  if (asked.has(key)) return
  asked.add(key)
  await work().catch(() => setTimeout(() => asked.delete(key), 30_000))
}

const ensureUser = (id) =>
  once(`user ${id}`, async () => {
    const { user } = await api.get(`/users/${id}`)
    change((now) => putUser(now, user))
  })

/** Read a message that is answered to, if it is not at hand. */
export const ensureMessage = (id) =>
  once(`message ${id}`, async () => {
    const { message } = await api.get(`/messages/${id}`)
    change((now) => withMessage(now, message))
  })

/** All members of a room, page by page. */
export async function readMembers(id) {
  let cursor = null
  do {
    const page = await attempt(() => api.get(`/rooms/${id}/members`, { limit: 100, cursor }))
    if (!page || !state.value.rooms[id]) return
    change((now) => withMembers(now, id, page))
    cursor = page.next_cursor
  } while (cursor)
}

async function readReceipts(id) {
  const answer = await api.get(`/rooms/${id}/receipts`).catch(() => null)
  if (!answer) return
  change((now) => applyAll(now, answer.receipts.map((row) => ({ type: 'read_up_to', room_id: id, ...row }))))
}

// ---- read positions

const held = new Set() // rooms marked unread by hand, until they are left
let readTimer = null
const readNext = new Map()

/** I have read a room up to `seq`. Only forward, at most every two seconds. */
export function markRead(id, seq) {
  const row = state.value.rooms[id]
  if (!row || held.has(id) || seq <= row.read_seq || seq <= readNext.get(id)) return
  readNext.set(id, seq)
  if (readTimer === null) sendRead()
}

function sendRead() {
  readTimer = null
  if (!readNext.size || connection.value !== 'live') return readNext.clear()
  for (const [id, seq] of readNext) {
    socket
      .request({ type: 'mark_read', room_id: id, seq })
      .then((ack) => change((now) => putReadPosition(now, ack)))
      .catch(() => {})
  }
  readNext.clear()
  readTimer = setTimeout(sendRead, READ_EVERY_MS)
}

/** Put the read position back before a message; it stays there until the room is left. */
export async function markUnread(message) {
  const { room_id: id, seq } = message
  held.add(id)
  const ack = await attempt(() => socket.request({ type: 'mark_read', room_id: id, seq: seq - 1, unread: true }))
  if (!ack) return held.delete(id)
  change((now) => putReadPosition(now, ack))
  lineAt.value = { ...lineAt.value, [id]: ack.read_seq }
  return true
}

/** Mark everything in a room read. */
export function markAllRead(id) {
  held.delete(id)
  markRead(id, state.value.positions[streamOf(id)] ?? 0)
}

// ---- writing

const uuid = () => {
  // randomUUID exists only on secure origins, and a team may run this on plain HTTP in its own network.
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Write a message: its row stands at once, and is sent as soon as there is a connection. False if too many wait. */
export function send(id, content, answered = null) {
  const waiting = Object.values(state.value.pending).flat()
  if (waiting.length >= MOST_WAITING) {
    tell(`${MOST_WAITING} messages are waiting to be sent already. Wait for the connection.`, true)
    return false
  }
  const row = {
    nonce: uuid(),
    room_id: id,
    content,
    reply_to: answered,
    created_at: new Date().toISOString(),
    state: 'pending',
    error: null,
  }
  change((now) => putPending(now, row))
  outbox.put(row)
  flushOutbox()
  return true
}

/** Try a failed row again. */
export function retry(row) {
  change((now) => putPending(now, { ...row, state: 'pending', error: null }))
  flushOutbox()
}

/** Give a failed row up. Gives its text back. */
export function discard(row) {
  change((now) => dropPending(now, row.room_id, row.nonce))
  outbox.remove(row.nonce)
  return row.content
}

const LATER = new Set(['not_connected', 'no_answer', 'busy', 'unavailable', 'rate_limited'])
let flushing = false
let flushDelay = 1_000

const nextWaiting = () =>
  Object.values(state.value.pending)
    .flat()
    .filter((row) => row.state === 'pending')
    .sort((a, b) => (a.created_at < b.created_at ? -1 : 1))[0]

// One after the other, so that they arrive in the order they were written. The nonce makes a repeat harmless.
async function flushOutbox() {
  if (flushing) return
  flushing = true
  for (let row = nextWaiting(); row && connection.value === 'live'; row = nextWaiting()) {
    try {
      sent(row, await socket.request(frameOf(row)))
      flushDelay = 1_000
    } catch (refusal) {
      if (!LATER.has(refusal.code)) {
        change((now) => putPending(now, { ...row, state: 'failed', error: refusal.message }))
        continue
      }
      if (connection.value !== 'live') break
      const wait = refusal.details?.retry_after ?? flushDelay / 1000
      flushDelay = Math.min(flushDelay * 2, 30_000)
      await new Promise((done) => setTimeout(done, wait * 1000))
    }
  }
  flushing = false
}

const frameOf = (row) => ({
  type: 'send_message',
  target: { type: 'room', room_id: row.room_id },
  content: row.content,
  nonce: row.nonce,
  ...(row.reply_to ? { reply_to: row.reply_to } : {}),
})

function sent(row, ack) {
  outbox.remove(row.nonce)
  change((now) => dropPending(putMessage(now, ack.message), row.room_id, row.nonce))
}

/** Change the text of a message. True once it is stored. */
export async function edit(message, content) {
  const ack = await attempt(() => socket.request({ type: 'edit_message', message_id: message.id, content }))
  if (ack?.message) change((now) => putMessage(now, ack.message))
  return ack !== null
}

export async function remove(message) {
  const ack = await attempt(() => socket.request({ type: 'delete_message', message_id: message.id }))
  if (ack?.message) change((now) => putMessage(now, ack.message))
}

/** Add my reaction, or take it back. */
export async function react(message, emoji) {
  const mine = message.reactions.some((row) => row.emoji === emoji && row.user_ids.includes(state.value.me.id))
  const type = mine ? 'remove_reaction' : 'add_reaction'
  const ack = await attempt(() => socket.request({ type, message_id: message.id, emoji }))
  if (ack) change((now) => putReactions(now, ack))
}

const toldTyping = new Map()

/** Say that I am writing in a room, every few seconds at most. */
export function sayTyping(id) {
  const now = Date.now()
  if (now - (toldTyping.get(id) ?? 0) < TELL_TYPING_MS) return
  toldTyping.set(id, now)
  socket.tell({ type: 'typing', room_id: id })
}

// ---- rooms and people

export const listRooms = (search, offset = 0) => api.get('/rooms', { search, offset, limit: 50 })
export const listUsers = (search) => api.get('/users', { search, limit: 30 })

function entered({ item: row }) {
  if (row) change((now) => putItem(now, row))
  return row?.room.id
}

/** Make a room and open it. Throws the refusal, for the form to show. */
export async function createRoom(fields) {
  go(`/r/${entered(await api.post('/rooms', fields))}`)
}

export async function joinRoom(id) {
  const answer = await attempt(() => api.post(`/rooms/${id}/join`))
  if (answer) go(`/r/${entered(answer)}`)
}

export async function leaveRoomForGood(id) {
  const answer = await attempt(() => api.post(`/rooms/${id}/leave`))
  if (!answer) return
  change((now) => withoutRoom(now, id))
  if (roomId.value === id) go('/rooms')
}

export async function openDirect(userIds, how) {
  const answer = await attempt(() => api.post('/direct', { user_ids: userIds }))
  if (answer) go(`/r/${entered(answer)}`, how)
}

export async function updateRoom(id, fields) {
  const answer = await api.patch(`/rooms/${id}`, fields)
  change((now) => putRoom(now, answer.room))
}

export const archiveRoom = (id, archived) =>
  attempt(async () => {
    const { room } = await api.post(`/rooms/${id}/${archived ? 'archive' : 'unarchive'}`)
    change((now) => putRoom(now, room))
  })

export async function deleteRoom(id) {
  const done = await attempt(() => api.del(`/rooms/${id}`))
  if (!done) return
  change((now) => withoutRoom(now, id))
  go('/rooms')
}

export const setNotifications = (id, fields) =>
  attempt(async () => {
    const { item: row } = await api.put(`/rooms/${id}/settings`, fields)
    if (row) change((now) => putItem(now, row))
    return true
  })

/** Invite someone. Throws the refusal, for the form to show. */
export const invite = (id, userId) => api.post('/invitations', { room_id: id, user_id: userId })

export async function answerInvitation(invitation, accept) {
  const answer = await attempt(() => api.post(`/invitations/${invitation.id}/${accept ? 'accept' : 'decline'}`))
  if (!answer) return
  change((now) => dropInvitation(now, invitation))
  if (accept) go(`/r/${entered(answer)}`)
}

export const kick = (id, userId) => attempt(() => api.del(`/rooms/${id}/members/${userId}`))
export const setRole = (id, userId, role) => attempt(() => api.put(`/rooms/${id}/members/${userId}/role`, { role }))

/** Copy a link to a message. */
export async function copyLink(message) {
  const link = `${location.origin}/r/${message.room_id}/${message.id}`
  try {
    await navigator.clipboard.writeText(link)
    tell('Link copied.')
  } catch {
    tell(link) // the browser does not let pages copy here: show it instead
  }
}

// ---- what this browser keeps

/** Store a small text in this browser, where it lets us. */
export function remember(key, value) {
  try {
    if (value) localStorage.setItem(key, value)
    else localStorage.removeItem(key)
  } catch {
    // Storage may be switched off or full; drafts then live as long as the page.
  }
}

export function recall(key) {
  try {
    return localStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}

export const draftKey = (id) => `lair-draft-${id}`

function forgetDrafts() {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith('lair-')) localStorage.removeItem(key)
  } catch {
    // Nothing is kept where storage is off.
  }
}

const settled = (request) =>
  new Promise((done, refuse) => {
    request.onsuccess = () => done(request.result)
    request.onerror = () => refuse(request.error)
  })

// Rows not acknowledged survive a reload. Where the browser keeps no database, they live as long as the page.
const outbox = {
  db: null,
  async open() {
    const request = indexedDB.open('lair', 1)
    request.onupgradeneeded = () => request.result.createObjectStore('outbox', { keyPath: 'nonce' })
    this.db = await settled(request)
  },
  async with(work) {
    try {
      if (!this.db) await this.open()
      return await settled(work(this.db.transaction('outbox', 'readwrite').objectStore('outbox')))
    } catch {
      return null
    }
  },
  put: (row) => outbox.with((rows) => rows.put({ ...row, author: state.value.me.id })),
  remove: (nonce) => outbox.with((rows) => rows.delete(nonce)),
  clear: () => outbox.with((rows) => rows.clear()),
  all: () => outbox.with((rows) => rows.getAll()),
}

async function restoreOutbox() {
  const oldest = new Date(Date.now() - OUTBOX_MS).toISOString()
  for (const row of (await outbox.all()) ?? []) {
    const { author, ...rest } = row
    const mine = author === state.value.me.id && row.created_at > oldest && state.value.rooms[row.room_id]
    if (mine) change((now) => putPending(now, { ...rest, state: 'pending' }))
    else outbox.remove(row.nonce)
  }
  flushOutbox()
}
