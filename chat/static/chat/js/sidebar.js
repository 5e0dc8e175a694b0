// Rooms, direct conversations, invitations and oneself.

import { html, useComputed, useEffect, useRef, useSignal } from '../vendor/lair-ui.js';
import { answerInvitation, connection, dialog, go, me, nameOf, othersOf, roomId, roomName, signOut, state } from './actions.js';
import { csrf } from './api.js';
import { mentionsOf, unreadOf } from './store.js';
import { Avatar, Icon, shownCount } from './text.js';

const byName = (a, b) => roomName(a).localeCompare(roomName(b))
const byNewest = (a, b) => ((b.last_message_at ?? b.room.created_at) > (a.last_message_at ?? a.room.created_at) ? 1 : -1)

/** Follow a link inside the client; with a modifier the browser opens it as usual. */
export function inside(event) {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return
  event.preventDefault()
  go(event.currentTarget.pathname)
}

export function Sidebar() {
  const groups = useComputed(() => {
    const rows = Object.values(state.value.rooms)
    const apart = (test) => rows.filter(test)
    return [
      ['Favourites', apart((row) => row.favourite).sort(byName)],
      ['Rooms', apart((row) => !row.favourite && row.room.kind !== 'direct').sort(byName)],
      ['Direct messages', apart((row) => !row.favourite && row.room.kind === 'direct').sort(byNewest)],
    ]
  })
  const invitations = Object.values(state.value.invitations)
  return html`
    <aside class="sidebar">
      <header class="sidebar-head">
        <a class="brand" href="/" onClick=${inside}><span class="brand-sign" aria-hidden="true" /> Lair Chat</a>
        <button type="button" class="tool" aria-label="New message" title="New message" onClick=${() => (dialog.value = { name: 'new_direct' })}>
          <${Icon} name="edit" />
        </button>
      </header>
      <nav class="rooms" aria-label="Rooms" id="rooms">
        ${invitations.length > 0 && html`<section>
          <h2 class="sidebar-title">Invitations</h2>
          ${invitations.map((one) => html`<${Invitation} key=${one.id} invitation=${one} />`)}
        </section>`}
        ${groups.value.map(([title, rows]) => (rows.length || title !== 'Favourites') && html`<section key=${title}>
          <h2 class="sidebar-title">
            <span>${title}</span>
            ${title === 'Rooms' && html`<a class="tool" href="/rooms" aria-label="Browse rooms" title="Browse rooms" onClick=${inside}><${Icon} name="plus" /></a>`}
            ${title === 'Direct messages' && html`<button type="button" class="tool" aria-label="Start a conversation" title="Start a conversation" onClick=${() => (dialog.value = { name: 'new_direct' })}><${Icon} name="plus" /></button>`}
          </h2>
          ${rows.map((row) => html`<${RoomLink} key=${row.room.id} row=${row} />`)}
          ${!rows.length && title === 'Rooms' && html`<p class="sidebar-hint">No rooms yet. <a href="/rooms" onClick=${inside}>Browse rooms</a> or <a href="/rooms/new" onClick=${inside}>make one</a>.</p>`}
          ${!rows.length && title === 'Direct messages' && html`<p class="sidebar-hint">Nobody yet. Start a conversation with the plus.</p>`}
        </section>`)}
      </nav>
      <${Self} />
    </aside>
  `
}

function RoomLink({ row }) {
  const id = row.room.id
  const name = roomName(row)
  const unread = unreadOf(row)
  const mentions = mentionsOf(row)
  const direct = row.room.kind === 'direct'
  const others = direct ? othersOf(row) : []
  const loud = mentions > 0 || (direct && unread > 0)
  const quiet = row.notifications === 'nothing'
  const classes = ['room', unread > 0 && !quiet && 'room-unread', quiet && 'room-quiet']
  const words = [
    name,
    unread > 0 && `, ${shownCount(unread)} unread`,
    mentions > 0 && `, ${shownCount(mentions)} ${mentions === 1 ? 'mention' : 'mentions'}`,
  ]
  return html`
    <a
      class=${classes.filter(Boolean).join(' ')}
      href=${`/r/${id}`}
      aria-label=${words.filter(Boolean).join('')}
      aria-current=${roomId.value === id ? 'page' : null}
      data-room-id=${id}
      data-unread=${unread}
      data-mentions=${mentions}
      onClick=${inside}
    >
      ${direct && others.length === 1
        ? html`<${Avatar} user=${others[0]} size="s" online=${Boolean(state.value.online[others[0].id])} />`
        : html`<span class="room-sign"><${Icon} name=${direct ? 'people' : row.room.privacy === 'private' ? 'lock' : 'hash'} /></span>`}
      <span class="room-name" dir="auto">${name}</span>
      ${unread > 0 && !quiet && html`<span class=${loud ? 'badge badge-loud' : 'badge'}>${shownCount(loud && mentions ? mentions : unread)}</span>`}
    </a>
  `
}

const Invitation = ({ invitation }) => html`
  <div class="invitation" data-invitation-id=${invitation.id}>
    <p><b dir="auto">${invitation.inviter_name}</b> invites you to <b dir="auto">${invitation.room_name}</b></p>
    ${invitation.message && html`<p class="hint" dir="auto">${invitation.message}</p>`}
    <div class="invitation-buttons">
      <button type="button" class="button button-small button-main" onClick=${() => answerInvitation(invitation, true)}>Accept</button>
      <button type="button" class="button button-small" onClick=${() => answerInvitation(invitation, false)}>Decline</button>
    </div>
  </div>
`

// ---- oneself

// A cookie, so that the server's pages look the same from their first byte.
const THEME = /(?:^|; )lair_theme=(\w+)/

/** The look that was chosen: light, dark, contrast, or auto for the system's. */
export const chosenTheme = () => THEME.exec(document.cookie)?.[1] ?? 'auto'

/** Show the page in a look, from now on in this browser. */
export function setTheme(name) {
  document.cookie = `lair_theme=${name}; path=/; max-age=31536000; samesite=lax`
  const dark = matchMedia('(prefers-color-scheme: dark)').matches
  document.documentElement.dataset.theme = name === 'auto' ? (dark ? 'dark' : 'light') : name
  return name
}

const THEMES = [
  ['auto', 'As the system', 'screen'],
  ['light', 'Light', 'sun'],
  ['dark', 'Dark', 'moon'],
]

function Self() {
  const open = useSignal(false)
  const theme = useSignal(chosenTheme())
  const place = useRef(null)
  useEffect(() => {
    if (!open.value) return undefined
    const away = (event) => place.current.contains(event.target) || (open.value = false)
    document.addEventListener('pointerdown', away)
    place.current.querySelector('.menu a')?.focus()
    return () => document.removeEventListener('pointerdown', away)
  }, [open.value])
  const keys = (event) => {
    if (event.key !== 'Escape' || !open.value) return
    event.stopPropagation()
    open.value = false
    place.current.querySelector('.self').focus()
  }
  const leaving = async (event) => {
    event.preventDefault()
    const form = event.currentTarget
    await signOut()
    form.submit()
  }
  const user = me.value
  const staff = user.role === 'admin' || user.role === 'moderator'
  return html`
    <footer class="sidebar-foot" ref=${place} onKeyDown=${keys}>
      ${open.value && html`<div class="menu self-menu" role="group" aria-label="You">
        <a class="menu-item" href="/settings/profile"><${Icon} name="person" /><span>Profile and settings</span></a>
        ${staff && html`<a class="menu-item" href="/admin/"><${Icon} name="shield" /><span>Administration</span></a>`}
        <div class="menu-part" role="group" aria-label="Look">
          ${THEMES.map(([name, label, icon]) => html`<button key=${name} type="button" class="tool" aria-label=${label} title=${label} aria-pressed=${theme.value === name ? 'true' : 'false'} onClick=${() => (theme.value = setTheme(name))}><${Icon} name=${icon} /></button>`)}
        </div>
        <form method="post" action="/logout" onSubmit=${leaving}>
          <input type="hidden" name="csrfmiddlewaretoken" value=${csrf()} />
          <button type="submit" class="menu-item"><${Icon} name="exit" /><span>Sign out</span></button>
        </form>
      </div>`}
      <button type="button" class="self" aria-expanded=${open.value ? 'true' : 'false'} aria-label=${`${nameOf(user)}, your menu`} onClick=${() => (open.value = !open.value)}>
        <${Avatar} user=${user} size="s" online=${connection.value === 'live'} />
        <span class="self-name" dir="auto">${nameOf(user)}</span>
        <${Icon} name="up" />
      </button>
    </footer>
  `
}
