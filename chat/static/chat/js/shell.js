// How the parts stand together: sidebar, main, one panel; dialogs, the connection line, the announcers and the keys.

import { html, useComputed, useEffect, useRef, useSignal } from '../vendor/lair-ui.js';
import {
  connection,
  dialog,
  go,
  item,
  loading,
  markAllRead,
  me,
  nameOf,
  narrow,
  notice,
  othersOf,
  panel,
  polite,
  roomId,
  roomName,
  route,
  setNotifications,
  state,
} from './actions.js';
import { Composer } from './composer.js';
import { Sidebar, inside } from './sidebar.js';
import { unreadOf } from './store.js';
import { Icon } from './text.js';
import { Timeline, menuKeys } from './timeline.js';

const LINE_MS = 3_000
const ALARM_MS = 10_000
const NOTICE_MS = 6_000

const loaders = {
  people: () => import('./lazy/people.js'),
  rooms: () => import('./lazy/rooms.js'),
  dialogs: () => import('./lazy/dialogs.js'),
}

/** Something that is loaded when it is first shown. `part` names a file in lazy/, `as` what it exports. */
function Lazy({ part, as, ...props }) {
  const loaded = useSignal(null)
  const broken = useSignal(false)
  const load = () => {
    broken.value = false
    loaders[part]().then(
      (module) => (loaded.value = module),
      () => (broken.value = true),
    )
  }
  useEffect(load, [part])
  if (broken.value) {
    return html`<div class="empty" role="alert"><p>This part could not be loaded.</p><button type="button" class="button" onClick=${load}>Try again</button></div>`
  }
  const View = loaded.value?.[as]
  return View ? html`<${View} ...${props} />` : null
}

/** The whole client. */
export function Shell() {
  const shown = route.value
  return html`
    <div class="app" data-column=${narrow.value} data-panel=${panel.value && shown.name === 'room' ? panel.value : null} onKeyDown=${keys}>
      <div class="skips"><a href="#messages">Skip to messages</a><a href="#composer">Skip to writing</a><a href="#rooms">Skip to rooms</a></div>
      <${Sidebar} />
      <main class="main" aria-label=${item.value ? roomName(item.value) : 'Lair Chat'}>
        <${ConnectionLine} />
        <${Main} shown=${shown} />
      </main>
      ${panel.value && shown.name === 'room' && item.value && html`<${Lazy} part="people" as="People" key=${roomId.value} roomId=${roomId.value} />`}
      ${dialog.value && html`<${Lazy} part="dialogs" as="Dialog" key=${dialog.value.name} ...${dialog.value} />`}
      <${Notice} />
      <${Announcers} />
    </div>
  `
}

function Main({ shown }) {
  if (shown.name === 'rooms') return html`<${Lazy} part="rooms" as="Browse" />`
  if (shown.name === 'new_room') return html`<${Lazy} part="rooms" as="NewRoom" />`
  if (shown.name === 'room' && item.value) return html`<${Room} key=${shown.roomId} roomId=${shown.roomId} />`
  if (shown.name === 'room') return html`<${NoRoom} />`
  return html`<${Welcome} />`
}

const NoRoom = () => html`
  <div class="empty">
    <h2>This room is not there</h2>
    <p>It may have been removed, or it is not yours to see. If somebody sent you here, ask them for an invitation.</p>
    <p class="empty-buttons">
      <a class="button button-main" href="/" onClick=${inside}>My rooms</a>
      <a class="button" href="/rooms" onClick=${inside}>Browse rooms</a>
    </p>
  </div>
`

const Welcome = () => html`
  <div class="empty">
    <h2>Welcome, <span dir="auto">${nameOf(me.value)}</span></h2>
    <p>${Object.keys(state.value.rooms).length ? 'Pick a room or a conversation from the list.' : 'You are in no room yet. Join one, or make the first.'}</p>
    <p class="empty-buttons">
      <a class="button button-main" href="/rooms" onClick=${inside}>Browse rooms</a>
      <a class="button" href="/rooms/new" onClick=${inside}>Make a room</a>
    </p>
  </div>
`

function Room({ roomId: id }) {
  return html`
    <${Header} row=${item.value} />
    <div class="room-body" id="messages"><${Timeline} key=${id} roomId=${id} /></div>
    <div id="composer"><${Composer} key=${id} roomId=${id} /></div>
  `
}

function Header({ row }) {
  const { room } = row
  const direct = room.kind === 'direct'
  const others = direct ? othersOf(row) : []
  const online = direct && others.length === 1 && Boolean(state.value.online[others[0].id])
  const waiting = useComputed(() => Object.values(state.value.rooms).reduce((sum, one) => sum + (one.room.id === roomId.value ? 0 : unreadOf(one)), 0))
  return html`
    <header class="head">
      <a class="tool head-back" href="/" aria-label="Rooms" onClick=${inside}><${Icon} name="back" />${waiting.value > 0 && html`<span class="dot" />`}</a>
      <div class="head-words">
        <h1 class="head-name" dir="auto">
          ${!direct && html`<${Icon} name=${room.privacy === 'private' ? 'lock' : 'hash'} />`}${roomName(row)}
          ${room.archived_at && html`<span class="tag">archived</span>`}
        </h1>
        <p class="head-topic" dir="auto">
          ${direct && others.length === 1 ? (online ? 'online' : others[0].bio || `@${others[0].username}`) : room.topic || room.description}
        </p>
      </div>
      <button
        type="button"
        class="tool"
        aria-label=${row.favourite ? 'Remove from favourites' : 'Add to favourites'}
        title=${row.favourite ? 'Remove from favourites' : 'Add to favourites'}
        aria-pressed=${row.favourite ? 'true' : 'false'}
        onClick=${() => setNotifications(room.id, { favourite: !row.favourite })}
      ><${Icon} name=${row.favourite ? 'star-full' : 'star'} /></button>
      <button type="button" class="tool" aria-label="People" title="People" aria-pressed=${panel.value === 'people' ? 'true' : 'false'} onClick=${() => (panel.value = panel.value ? null : 'people')}>
        <${Icon} name="people" />
      </button>
      <${RoomMenu} row=${row} />
    </header>
  `
}

const LEVELS = [
  ['all', 'Every message'],
  ['mentions', 'Only mentions'],
  ['nothing', 'Nothing'],
]

function RoomMenu({ row }) {
  const open = useSignal(false)
  const place = useRef(null)
  useEffect(() => {
    if (!open.value) return undefined
    const away = (event) => place.current.contains(event.target) || (open.value = false)
    document.addEventListener('pointerdown', away)
    place.current.querySelector('.menu button')?.focus()
    return () => document.removeEventListener('pointerdown', away)
  }, [open.value])
  const close = (event) => {
    if (event.key !== 'Escape' || !open.value) return
    event.stopPropagation()
    open.value = false
    place.current.querySelector('[aria-haspopup]').focus()
  }
  const { room, membership } = row
  const owner = membership.role === 'owner'
  const leads = owner || membership.role === 'moderator'
  const channel = room.kind === 'channel'
  const ask = (name) => () => {
    open.value = false
    dialog.value = { name, roomId: room.id }
  }
  const entry = (icon, label, run, bad) => html`<button type="button" role="menuitem" class=${bad ? 'menu-item menu-bad' : 'menu-item'} onClick=${run}><${Icon} name=${icon} /><span>${label}</span></button>`
  return html`
    <div class="room-menu" ref=${place} onKeyDown=${close}>
      <button type="button" class="tool" aria-label="Room menu" title="Room menu" aria-haspopup="menu" aria-expanded=${open.value ? 'true' : 'false'} onClick=${() => (open.value = !open.value)}>
        <${Icon} name="more" />
      </button>
      ${open.value && html`<div class="menu" role="menu" aria-label="Room menu" onKeyDown=${menuKeys}>
        <p class="menu-title" id="levels">Notify me about</p>
        ${LEVELS.map(([level, label]) => html`<button
          key=${level}
          type="button"
          role="menuitemradio"
          class="menu-item"
          aria-checked=${row.notifications === level ? 'true' : 'false'}
          onClick=${() => setNotifications(room.id, { notifications: level })}
        ><${Icon} name=${row.notifications === level ? 'check' : 'none'} /><span>${label}</span></button>`)}
        <hr />
        ${entry('check', 'Mark all read', () => {
          open.value = false
          markAllRead(room.id)
        })}
        ${channel && leads && entry('plus', 'Invite people', ask('invite'))}
        ${channel && leads && entry('edit', 'Room details', ask('room_details'))}
        ${channel && owner && entry('archive', room.archived_at ? 'Bring back from the archive' : 'Archive', ask('archive'))}
        ${channel && entry('exit', 'Leave', ask('leave'), true)}
        ${channel && owner && entry('trash', 'Delete room', ask('delete_room'), true)}
      </div>`}
    </div>
  `
}

// ---- what the page says of itself

function ConnectionLine() {
  const late = useSignal(false)
  const lost = connection.value !== 'live'
  useEffect(() => {
    late.value = false
    if (!lost) return undefined
    const timer = setTimeout(() => (late.value = true), LINE_MS)
    return () => clearTimeout(timer)
  }, [lost])
  if (!late.value) return null
  const words = {
    offline: 'No connection. What you write is kept and sent when it is back.',
    connecting: 'Connecting…',
    resuming: 'Fetching what you missed…',
  }
  return html`<div class="connection-line" data-testid="connection-line" role="status"><span class="spinner" /> ${words[connection.value]}</div>`
}

function Notice() {
  const shown = notice.value
  useEffect(() => {
    if (!shown) return undefined
    const timer = setTimeout(() => (notice.value = null), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [shown])
  if (!shown) return null
  return html`<div class=${shown.bad ? 'notice notice-bad' : 'notice'} role=${shown.bad ? 'alert' : 'status'}>
    <span>${shown.text}</span>
    <button type="button" class="tool" aria-label="Close" onClick=${() => (notice.value = null)}><${Icon} name="close" /></button>
  </div>`
}

function Announcers() {
  const alarm = useSignal('')
  const lost = connection.value !== 'live'
  useEffect(() => {
    alarm.value = ''
    if (!lost) return undefined
    const timer = setTimeout(() => (alarm.value = 'The connection is lost.'), ALARM_MS)
    return () => clearTimeout(timer)
  }, [lost])
  return html`
    <div class="hidden" aria-live="polite" data-testid="announce-polite">${polite.value}</div>
    <div class="hidden" aria-live="assertive" data-testid="announce-assertive">${alarm.value}</div>
  `
}

// ---- keys

const AREAS = ['.rooms a', '.rows [tabindex="0"]', '.composer textarea', '.panel button']

function keys(event) {
  if (event.key === 'F6') {
    event.preventDefault()
    nextArea()
  } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    event.preventDefault()
    nextRoom(event.key === 'ArrowDown' ? 1 : -1, event.shiftKey)
  } else if (event.key === 'Escape' && !dialog.value) {
    if (panel.value) panel.value = null
    else if (roomId.value && !loading.value[roomId.value]) markAllRead(roomId.value)
  }
}

function nextArea() {
  const areas = AREAS.map((area) => document.querySelector(area)).filter((found) => found?.offsetParent)
  const at = areas.findIndex((found) => found.closest('aside, .rows, .composer') === document.activeElement?.closest('aside, .rows, .composer'))
  areas[(at + 1) % areas.length]?.focus()
}

function nextRoom(step, unreadOnly) {
  const links = [...document.querySelectorAll('.rooms [data-room-id]')]
  const at = links.findIndex((link) => link.dataset.roomId === roomId.value)
  for (let i = 1; i <= links.length; i += 1) {
    const link = links[(at + step * i + links.length * 2) % links.length]
    if (link && (!unreadOnly || Number(link.dataset.unread) > 0)) return go(link.pathname)
  }
  return undefined
}
