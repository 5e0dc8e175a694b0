// The messages of the open room. One component draws a message wherever it comes from; only this module writes scrollTop.

import { Component, html, useComputed, useEffect, useLayoutEffect, useRef, useSignal } from '../vendor/lair-ui.js';
import {
  copyLink,
  dialog,
  discard,
  edit,
  editing,
  ensureMessage,
  failed,
  item,
  lineAt,
  loading,
  markAllRead,
  markRead,
  markUnread,
  me,
  nameOf,
  person,
  react,
  readAgain,
  readNewer,
  readNewest,
  readOlder,
  replyTo,
  retry,
  roomName,
  state,
  target,
} from './actions.js';
import { unreadOf } from './store.js';
import { Avatar, Icon, clock, dayKey, dayName, fullTime, listed, shownCount, textNodes } from './text.js';

const GROUP_MS = 5 * 60_000
const MOST_ROWS = 200
const STEP = 50
const NEAR_END = 100 // px within which the end counts as seen
const SEEN_MS = 800
const EMOJI = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀', '✅', '🔥', '🚀', '💯', '👏', '🤔', '😅', '👎']

// ---- what is drawn, in order

const atOnce = (a, b) =>
  a && a.author === b.author && a.kind === 'text' && b.kind === 'text' && new Date(b.created_at) - new Date(a.created_at) < GROUP_MS

// A message drawn before the server has it, in the shape of one it has.
const drawn = (row) => ({
  ...row,
  id: null,
  seq: null,
  kind: 'text',
  author: me.value.id,
  edited: false,
  deleted_at: null,
  mentions: [],
  reactions: [],
})

/** Days, the unread line and messages as one list of things with keys. `ids` are those of the window. */
function entries(known, roomId, ids, withPending, line) {
  const list = []
  const messages = ids.map((id) => known.messages[id])
  const rows = withPending ? [...messages, ...(known.pending[roomId] ?? []).map(drawn)] : messages
  let before = null
  let lined = false
  for (const message of rows) {
    if (!before || dayKey(before.created_at) !== dayKey(message.created_at)) {
      list.push({ kind: 'day', key: `day ${dayKey(message.created_at)}`, time: message.created_at })
      before = null
    }
    if (!lined && line !== undefined && message.seq > line && message.author !== known.me.id && message.kind !== 'system') {
      lined = true
      list.push({ kind: 'line', key: 'line' })
      before = null
    }
    // A row keeps its key when the answer comes, so that it is changed in place.
    const key = message.author === known.me.id && message.nonce ? message.nonce : message.id
    list.push({ kind: 'message', key, message, grouped: Boolean(atOnce(before, message)) && !message.reply_to })
    before = message
  }
  return list
}

// ---- a message

const stateOf = (message) => (message.deleted_at ? 'removed' : (message.state ?? 'sent'))

// Rows are many and change seldom: draw one again only if something it shows is another object.
class Message extends Component {
  shouldComponentUpdate(next) {
    return Object.keys(next).some((key) => next[key] !== this.props[key])
  }

  render({ message, rowKey, tabStop, grouped, author, users, seenBy, isTarget, isEditing, answered, myId, mayRemove }) {
    const status = stateOf(message)
    const name = nameOf(author)
    if (message.kind === 'system') return html`<${SystemRow} message=${message} rowKey=${rowKey} users=${users} myId=${myId} />`
    const classes = ['row', grouped && 'row-grouped', isTarget && 'row-target', message.mentions.includes(myId) && 'row-mentions-me']
    return html`
      <div
        role="listitem"
        class=${classes.filter(Boolean).join(' ')}
        tabindex=${tabStop ? '0' : '-1'}
        data-key=${rowKey}
        aria-label=${`${name}, ${clock(message.created_at)}: ${status === 'removed' ? 'message deleted' : message.content}`}
        data-message-id=${message.id}
        data-seq=${message.seq}
        data-nonce=${message.nonce}
        data-state=${status}
        data-edited=${message.edited ? '' : null}
      >
        <div class="row-side">
          ${grouped
            ? html`<time class="row-clock" data-part="time" datetime=${message.created_at} title=${fullTime(message.created_at)}>${clock(message.created_at)}</time>`
            : html`<${Avatar} user=${author} />`}
        </div>
        <div class="row-main">
          ${message.reply_to && html`<${Answered} message=${answered} id=${message.reply_to} />`}
          ${grouped
            ? html`<span class="hidden" data-part="author">${name}</span>`
            : html`<div class="row-head">
                <span class="row-author" data-part="author" dir="auto">${name}</span>
                <time class="row-time" data-part="time" datetime=${message.created_at} title=${fullTime(message.created_at)}>
                  ${clock(message.created_at)}
                </time>
              </div>`}
          ${isEditing
            ? html`<${EditBox} message=${message} />`
            : html`<div class="row-text" data-part="text" dir="auto">
                ${status === 'removed'
                  ? html`<span class="row-tombstone">This message was deleted</span>`
                  : textNodes(message.content, users, myId)}
                ${message.edited && status !== 'removed' && html`<span class="row-edited"> (edited)</span>`}
              </div>`}
          ${message.reactions.length > 0 && html`<${Reactions} message=${message} myId=${myId} />`}
          ${status === 'pending' && html`<span class="row-note"><span class="spinner" /> Sending…</span>`}
          ${status === 'failed' && html`<${FailedNote} row=${message} />`}
          ${seenBy && html`<div class="row-seen" data-part="seen">Seen by ${seenBy}</div>`}
        </div>
        ${status === 'sent' && !isEditing && html`<${Tools} message=${message} myId=${myId} mayRemove=${mayRemove} />`}
      </div>
    `
  }
}

const SystemRow = ({ message, rowKey, users, myId }) => html`
  <div
    role="listitem"
    class="row-system"
    tabindex="-1"
    data-key=${rowKey}
    data-message-id=${message.id}
    data-seq=${message.seq}
    data-state=${stateOf(message)}
    aria-label=${`${clock(message.created_at)}: ${message.content}`}
  >
    <span data-part="text" dir="auto">${textNodes(message.content, users, myId)}</span>
    <time data-part="time" datetime=${message.created_at}>${clock(message.created_at)}</time>
  </div>
`

function Answered({ message, id }) {
  useEffect(() => {
    if (!message) ensureMessage(id)
  }, [message, id])
  if (!message) return html`<div class="row-answered">A message that cannot be shown</div>`
  const show = (event) => {
    event.preventDefault()
    history.pushState(null, '', event.currentTarget.href)
    dispatchEvent(new PopStateEvent('popstate'))
  }
  return html`
    <a class="row-answered" href=${`/r/${message.room_id}/${message.id}`} onClick=${show}>
      <${Icon} name="reply" /> <b dir="auto">${nameOf(person(message.author))}</b>
      <span dir="auto">${message.deleted_at ? 'deleted' : message.content.split('\n')[0]}</span>
    </a>
  `
}

const Reactions = ({ message, myId }) => html`
  <div class="reactions" data-part="reactions">
    ${message.reactions.map(({ emoji, user_ids: ids }) => {
      const names = listed(ids.map((id) => (id === myId ? 'you' : nameOf(person(id)))), 6)
      return html`<button
        key=${emoji}
        type="button"
        class="reaction"
        data-emoji=${emoji}
        aria-pressed=${ids.includes(myId) ? 'true' : 'false'}
        aria-label=${`${emoji} ${ids.length}, by ${names}`}
        title=${names}
        onClick=${() => react(message, emoji)}
      >
        <span class="reaction-emoji">${emoji}</span><span>${ids.length}</span>
      </button>`
    })}
  </div>
`

const FailedNote = ({ row }) => html`
  <div class="row-failed" role="alert">
    <${Icon} name="alert" /> <span>Not sent: ${row.error}</span>
    <button type="button" class="link" onClick=${() => retry(row)}>Retry</button>
    <button type="button" class="link" onClick=${() => discard(row)}>Discard</button>
  </div>
`

function EditBox({ message }) {
  const box = useRef(null)
  const busy = useSignal(false)
  useEffect(() => {
    box.current.focus()
    box.current.setSelectionRange(message.content.length, message.content.length)
  }, [])
  const stop = () => {
    editing.value = null
    document.querySelector('.composer textarea')?.focus()
  }
  const save = async () => {
    const content = box.current.value
    if (content === message.content) return stop()
    if (!content.trim()) {
      stop()
      dialog.value = { name: 'delete_message', message }
      return undefined
    }
    busy.value = true
    const done = await edit(message, content)
    busy.value = false
    return done ? stop() : undefined
  }
  const keys = (event) => {
    if (event.isComposing) return
    if (event.key === 'Escape') {
      event.stopPropagation()
      stop()
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      save()
    }
  }
  return html`
    <div class="edit">
      <textarea ref=${box} class="input" aria-label="Edit message" rows="2" dir="auto" onKeyDown=${keys}>${message.content}</textarea>
      <div class="edit-buttons">
        <button type="button" class="button button-small" onClick=${stop}>Cancel</button>
        <button type="button" class="button button-small button-main" disabled=${busy.value} onClick=${save}>Save</button>
        <span class="hint">Enter saves · Esc cancels</span>
      </div>
    </div>
  `
}

// ---- what can be done with a message

function itemsOf(message, myId, mayRemove) {
  const own = message.author === myId
  return [
    { name: 'Reply', icon: 'reply', key: 'R', run: () => answer(message) },
    own && { name: 'Edit', icon: 'edit', key: 'E', run: () => (editing.value = message.id) },
    { name: 'Copy link', icon: 'link', key: 'C', run: () => copyLink(message) },
    !own && { name: 'Mark unread from here', icon: 'unread', key: 'U', run: () => markUnread(message) },
    (own || mayRemove) && {
      name: 'Delete',
      icon: 'trash',
      key: 'Del',
      bad: true,
      run: () => (dialog.value = { name: 'delete_message', message }),
    },
  ].filter(Boolean)
}

function answer(message) {
  replyTo.value = { ...replyTo.value, [message.room_id]: message }
  document.querySelector('.composer textarea')?.focus()
}

function Tools({ message, myId, mayRemove }) {
  const open = useSignal(null) // 'menu', 'emoji' or null
  const place = useRef(null)
  useEffect(() => {
    if (!open.value) return undefined
    const away = (event) => place.current?.contains(event.target) || (open.value = null)
    document.addEventListener('pointerdown', away)
    place.current?.querySelector('.menu button, .emoji-grid button')?.focus()
    return () => document.removeEventListener('pointerdown', away)
  }, [open.value])
  const keys = (event) => {
    if (event.key !== 'Escape' || !open.value) return
    event.stopPropagation()
    open.value = null
    place.current.querySelector('[aria-haspopup]')?.focus()
  }
  const run = (work) => () => {
    open.value = null
    work()
  }
  const toggle = (what) => () => (open.value = open.value === what ? null : what)
  return html`
    <div class=${open.value ? 'tools tools-open' : 'tools'} ref=${place} onKeyDown=${keys}>
      <button type="button" class="tool" aria-label="Add reaction" title="Add reaction" aria-haspopup="true" aria-expanded=${open.value === 'emoji'} onClick=${toggle('emoji')}>
        <${Icon} name="smile" />
      </button>
      <button type="button" class="tool" aria-label="Reply" title="Reply" onClick=${() => answer(message)}><${Icon} name="reply" /></button>
      <button type="button" class="tool" aria-label="More actions" title="More actions" aria-haspopup="menu" aria-expanded=${open.value === 'menu'} onClick=${toggle('menu')}>
        <${Icon} name="more" />
      </button>
      ${open.value === 'menu' &&
      html`<div class="menu tools-menu" role="menu" aria-label="More actions" onKeyDown=${menuKeys}>
        ${itemsOf(message, myId, mayRemove).map(
          (entry) => html`<button key=${entry.name} type="button" role="menuitem" aria-label=${entry.name} class=${entry.bad ? 'menu-item menu-bad' : 'menu-item'} onClick=${run(entry.run)}>
            <${Icon} name=${entry.icon} /><span>${entry.name}</span><kbd>${entry.key}</kbd>
          </button>`,
        )}
      </div>`}
      ${open.value === 'emoji' &&
      html`<div class="menu tools-menu emoji-grid" role="group" aria-label="Reactions">
        ${EMOJI.map(
          (emoji) => html`<button key=${emoji} type="button" class="emoji" data-emoji=${emoji} aria-label=${emoji} onClick=${run(() => react(message, emoji))}>${emoji}</button>`,
        )}
      </div>`}
    </div>
  `
}

/** Arrows walk a menu. */
export function menuKeys(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step) return
  event.preventDefault()
  event.stopPropagation()
  const buttons = [...event.currentTarget.querySelectorAll('button')]
  const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length
  buttons[next].focus()
}

// Keys on a row: the list is one tab stop, arrows walk it, Enter opens the tools.
function rowKeys(event, actions) {
  const row = event.target.closest('[role=listitem]')
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return
  const onRow = event.target === row
  if (event.key === 'Escape' && !onRow) {
    row.focus()
    return event.preventDefault()
  }
  if (!onRow) return
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key]
  if (step) {
    let next = row[step]
    while (next && next.getAttribute('role') !== 'listitem') next = next[step]
    next?.focus()
    return event.preventDefault()
  }
  if (event.key === 'Enter') {
    row.querySelector('[aria-label="More actions"]')?.click()
    return event.preventDefault()
  }
  const work = actions(row.dataset.messageId)?.find((entry) => entry.key.toLowerCase() === event.key.toLowerCase() || entry.key === keyNames[event.key])
  if (work) {
    event.preventDefault()
    work.run()
  }
}

const keyNames = { Delete: 'Del' }

// ---- around the messages

const Beginning = () => html`
  <div class="beginning">
    <h2 dir="auto">${item.value.room.kind === 'direct' ? roomName(item.value) : `#${item.value.room.name}`}</h2>
    <p>
      ${item.value.room.kind === 'direct'
        ? 'This is the beginning of your conversation. Only the people in it can read it.'
        : item.value.room.description || 'This is the beginning of the room. Say hello, or bring people in.'}
    </p>
    ${leadsIn(item.value) && html`<button type="button" class="button" onClick=${() => (dialog.value = { name: 'invite', roomId: item.value.room.id })}>
      <${Icon} name="plus" /> Invite people
    </button>`}
  </div>
`

const Skeleton = () => html`
  <div class="skeleton" role="status" aria-label="Reading messages">
    ${[0, 1, 2, 3, 4, 5].map((row) => html`<div key=${row} class="skeleton-row"><i /><b /><span /></div>`)}
  </div>
`

const Broken = ({ refusal, roomId }) => html`
  <div class="empty" role="alert">
    <h2>The messages could not be read</h2>
    <p>${refusal.message}</p>
    ${refusal.requestId && html`<p class="hint">Reference ${refusal.requestId}</p>`}
    <button type="button" class="button" onClick=${() => readAgain(roomId)}>Try again</button>
  </div>
`

/** Who of the others has read up to my newest message in sight. */
function seenNames(known, roomId, ids) {
  const id = ids.findLast((one) => known.messages[one].author === known.me.id && !known.messages[one].deleted_at)
  if (!id) return null
  const { seq } = known.messages[id]
  const readers = Object.entries(known.receipts[roomId] ?? {}).filter(([userId, read]) => userId !== known.me.id && read >= seq)
  return readers.length ? { id, names: listed(readers.map(([userId]) => nameOf(person(userId)))) } : null
}

const leadsIn = (row) => row !== null && ['moderator', 'owner'].includes(row.membership.role) && row.room.kind === 'channel'

// ---- the list

// The row under the reading line, and how far it stands from the top: what must not move.
function anchorOf(box) {
  if (!box) return null
  const top = box.getBoundingClientRect().top
  for (const row of box.querySelectorAll('[data-key]')) {
    const at = row.getBoundingClientRect()
    if (at.bottom > top + 8) return { key: row.dataset.key, offset: at.top - top }
  }
  return null
}

const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 4

function restore(box, anchor) {
  const row = anchor && box.querySelector(`[data-key="${CSS.escape(anchor.key)}"]`)
  if (!row) return
  const moved = row.getBoundingClientRect().top - box.getBoundingClientRect().top - anchor.offset
  if (Math.abs(moved) >= 1) box.scrollTop += moved
}

/** The timeline of a room. It is drawn anew for each room (by key), so that its window starts at the end or the unread line. */
export function Timeline({ roomId }) {
  const box = useRef(null)
  const stuck = useRef(true)
  const anchor = useRef(null)
  const seenTimer = useRef(null)
  // The window: ids from `first` on (null: the last 100), up to `last` (null: the present).
  const span = useSignal({ first: null, last: null })
  const away = useSignal(false) // the end is out of sight
  const opened = useRef(false)
  const jumping = useRef(false) // on the way to the end: a scroll event of before says nothing of it

  const segment = useComputed(() => {
    const segments = state.value.timelines[roomId]
    if (!segments) return null
    const held = span.value.first ?? span.value.last
    return segments.find((one) => held && one.ids.includes(held)) ?? segments.at(-1)
  })
  const ids = useComputed(() => {
    if (!segment.value) return []
    const all = segment.value.ids
    const last = span.value.last === null ? all.length : all.indexOf(span.value.last) + 1
    const first = span.value.first === null ? Math.max(0, last - 100) : Math.max(0, all.indexOf(span.value.first))
    return all.slice(span.value.last === null && stuck.current ? Math.max(first, last - MOST_ROWS) : first, last)
  })
  const rows = useComputed(() => {
    const known = state.value
    const present = span.value.last === null && !segment.value?.has_newer
    return entries(known, roomId, ids.value, present, lineAt.value[roomId])
  })
  const users = useComputed(() => {
    const byName = new Map(Object.values(state.value.users).map((user) => [user.username.toLowerCase(), user]))
    return (name) => byName.get(name)
  })
  const since = useComputed(() => {
    const row = item.value
    const waits = (id) => state.value.messages[id].seq > row.read_seq && state.value.messages[id].author !== row.membership.user_id
    const first = row && segment.value?.ids.find(waits)
    return first ? state.value.messages[first].created_at : null
  })
  const seenBy = useComputed(() => seenNames(state.value, roomId, ids.value))

  // The anchor is taken at the moment of the change: the old rows still stand while the new ones are worked out.
  const list = rows.value
  if (!stuck.current) anchor.current = anchorOf(box.current)

  useLayoutEffect(() => {
    const place = box.current
    if (!opened.current && list.length) {
      opened.current = true
      const line = place.querySelector('[data-testid=unread-line]')
      if (line && !target.value) {
        place.scrollTop += line.getBoundingClientRect().top - place.getBoundingClientRect().top - place.clientHeight / 3
        stuck.current = atEnd(place)
      } else if (!target.value) place.scrollTop = place.scrollHeight
    } else if (stuck.current) place.scrollTop = place.scrollHeight
    else restore(place, anchor.current)
    look()
  }, [list])

  // A link to a message: bring its row into the window, then under the eye.
  useLayoutEffect(() => {
    if (!target.value) return
    const all = state.value.timelines[roomId]?.find((one) => one.ids.includes(target.value))
    if (!all) return
    const row = box.current.querySelector(`[data-message-id="${CSS.escape(target.value)}"]`)
    if (!row) {
      const at = all.ids.indexOf(target.value)
      stuck.current = false
      span.value = { first: all.ids[Math.max(0, at - STEP)], last: all.ids[Math.min(all.ids.length - 1, at + STEP)] }
      return
    }
    stuck.current = false
    row.scrollIntoView({ block: 'center' })
    row.focus({ preventScroll: true })
  }, [target.value, list])

  useEffect(() => {
    const place = box.current
    const sized = new ResizeObserver(() => {
      if (stuck.current) place.scrollTop = place.scrollHeight
      else restore(place, anchor.current)
    })
    sized.observe(place)
    sized.observe(place.firstElementChild)
    const looked = () => look()
    addEventListener('focus', looked)
    document.addEventListener('visibilitychange', looked)
    return () => {
      sized.disconnect()
      clearTimeout(seenTimer.current)
      removeEventListener('focus', looked)
      document.removeEventListener('visibilitychange', looked)
    }
  }, [])

  function scrolled() {
    if (jumping.current) return
    const place = box.current
    stuck.current = span.value.last === null && atEnd(place)
    anchor.current = anchorOf(place)
    // Away from the end the window stands still, however much is written meanwhile.
    if (!stuck.current && span.value.first === null && ids.value.length) span.value = { ...span.value, first: ids.value[0] }
    look()
  }

  // Is the end being read? Is more needed above or below?
  function look() {
    const place = box.current
    if (!place || !segment.value || jumping.current) return
    const below = place.scrollHeight - place.scrollTop - place.clientHeight
    const near = span.value.last === null && !segment.value.has_newer && below < NEAR_END
    away.value = !near && (span.value.last !== null || segment.value.has_newer || below > place.clientHeight)
    clearTimeout(seenTimer.current)
    if (near && document.visibilityState === 'visible' && document.hasFocus()) seenTimer.current = setTimeout(readEnd, SEEN_MS)
    if (!opened.current) return
    if (!stuck.current && ids.value.length > MOST_ROWS + STEP) {
      span.value = { first: ids.value[0], last: ids.value[MOST_ROWS - 1] }
      return
    }
    if (place.scrollTop < place.clientHeight * 1.5) earlier()
    if (below < place.clientHeight * 1.5) later()
  }

  function readEnd() {
    const last = state.value.messages[segment.value?.ids.at(-1)]
    if (last && document.hasFocus()) markRead(roomId, last.seq)
  }

  function earlier() {
    const all = segment.value.ids
    const first = all.indexOf(ids.value[0])
    if (first > 0) {
      const from = Math.max(0, first - STEP)
      const to = Math.min(all.length, from + MOST_ROWS)
      const whole = to >= first + ids.value.length
      if (!whole) stuck.current = false
      span.value = { first: all[from], last: whole ? span.value.last : all[to - 1] }
    } else if (segment.value.has_older && !loading.value[roomId]) {
      const oldest = state.value.messages[all[0]]
      if (oldest) {
        span.value = { ...span.value, first: all[first] ?? null }
        readOlder(roomId, oldest.seq)
      }
    }
  }

  function later() {
    const all = segment.value.ids
    if (span.value.last !== null) {
      const last = all.indexOf(span.value.last)
      const to = Math.min(all.length - 1, last + STEP)
      const from = Math.max(all.indexOf(ids.value[0]), to + 1 - MOST_ROWS)
      const next = { first: all[from], last: to === all.length - 1 && !segment.value.has_newer ? null : all[to] }
      if (next.last !== span.value.last || next.first !== span.value.first) span.value = next
    }
    if (segment.value.has_newer && !loading.value[roomId] && (span.value.last === null || span.value.last === all.at(-1))) {
      const newest = state.value.messages[all.at(-1)]
      if (newest) readNewer(roomId, newest.seq)
    }
  }

  function toEnd() {
    target.value = null
    stuck.current = true
    jumping.current = true
    span.value = { first: null, last: null }
    if (state.value.timelines[roomId]?.at(-1).has_newer) readNewest(roomId)
    requestAnimationFrame(() => {
      jumping.current = false
      if (box.current) box.current.scrollTop = box.current.scrollHeight
      look()
    })
  }

  const actionsOf = (id) => {
    const message = state.value.messages[id]
    return message && !message.deleted_at && message.kind !== 'system' ? itemsOf(message, me.value.id, leadsIn(item.value)) : null
  }
  const name = item.value ? roomName(item.value) : ''
  const unread = item.value ? unreadOf(item.value) : 0
  const refusal = failed.value[roomId]
  const myId = me.value.id
  const mayRemove = leadsIn(item.value)
  const lastKey = list.findLast((entry) => entry.kind === 'message')?.key
  return html`
    <div class="timeline">
      ${away.value && unread > 0 && html`<div class="unread-bar" data-testid="unread-bar">
        <span>${shownCount(unread)} new${since.value ? ` since ${clock(since.value)}` : ''}</span>
        <button type="button" class="link" onClick=${toEnd}>Jump to the newest</button>
        <button type="button" class="link" onClick=${() => markAllRead(roomId)}>Mark read</button>
      </div>`}
      <div class="scroller" ref=${box} onScroll=${scrolled}>
        <div class="whole">
          ${segment.value && !segment.value.has_older && ids.value[0] === segment.value.ids[0] && html`<${Beginning} key="beginning" />`}
          ${loading.value[roomId] === 'older' && html`<div class="loading-older" key="older"><span class="spinner" /> Earlier messages…</div>`}
          ${!segment.value && !refusal && html`<${Skeleton} key="skeleton" />`}
          ${!segment.value && refusal && html`<${Broken} key="broken" refusal=${refusal} roomId=${roomId} />`}
          <div class="rows" role="list" aria-label=${`Messages in ${name}`} data-room-id=${roomId} onKeyDown=${(event) => rowKeys(event, actionsOf)}>
            ${list.map((entry) => {
              if (entry.kind === 'day') return html`<div class="day" key=${entry.key} data-key=${entry.key}><span>${dayName(entry.time)}</span></div>`
              if (entry.kind === 'line') return html`<div class="unread-line" key="line" data-key="line" data-testid="unread-line"><span>New</span></div>`
              const { message } = entry
              return html`<${Message}
                key=${entry.key}
                rowKey=${entry.key}
                tabStop=${entry.key === lastKey}
                message=${message}
                grouped=${entry.grouped}
                author=${person(message.author)}
                users=${users.value}
                myId=${myId}
                mayRemove=${mayRemove}
                answered=${message.reply_to ? state.value.messages[message.reply_to] : undefined}
                isEditing=${message.id !== null && editing.value === message.id}
                isTarget=${message.id !== null && target.value === message.id}
                seenBy=${message.id && seenBy.value?.id === message.id ? seenBy.value.names : null}
              />`
            })}
          </div>
        </div>
      </div>
      ${away.value && html`<button type="button" class="jump-end" data-testid="jump-end" aria-label="To the present" onClick=${toEnd}>
        <${Icon} name="down" /> ${unread > 0 ? html`<span class="badge">${shownCount(unread)}</span>` : null}
      </button>`}
    </div>
  `
}
