// The list of rooms to join, and the form that makes one.

import { html, useEffect, useRef, useSignal } from '../../vendor/lair-ui.js';
import { createRoom, go, joinRoom, listRooms, state } from '../actions.js';
import { inside } from '../sidebar.js';
import { Icon } from '../text.js';

const PAUSE_MS = 200

export function Browse() {
  const search = useSignal('')
  const found = useSignal(null)
  const refusal = useSignal(null)
  const latest = useRef(0)
  const read = async (offset = 0) => {
    const turn = ++latest.current
    try {
      const page = await listRooms(search.value, offset)
      // Answers may come in another order than the questions.
      if (turn !== latest.current) return
      found.value = offset ? { ...page, rooms: [...found.value.rooms, ...page.rooms] } : page
      refusal.value = null
    } catch (error) {
      refusal.value = error
    }
  }
  useEffect(() => {
    const timer = setTimeout(read, found.value ? PAUSE_MS : 0)
    return () => clearTimeout(timer)
  }, [search.value])
  const rooms = found.value?.rooms ?? []
  return html`
    <div class="page">
      <header class="page-head">
        <a class="tool head-back" href="/" aria-label="Rooms" onClick=${inside}><${Icon} name="back" /></a>
        <h1>Browse rooms</h1>
        <a class="button button-main" href="/rooms/new" onClick=${inside}>New room</a>
      </header>
      <div class="page-body">
        <input class="input" type="search" aria-label="Find a room" placeholder="Find a room" value=${search.value} onInput=${(event) => (search.value = event.currentTarget.value)} />
        ${refusal.value && html`<div class="empty" role="alert"><p>${refusal.value.message}</p><button type="button" class="button" onClick=${() => read()}>Try again</button></div>`}
        ${!found.value && !refusal.value && html`<p class="hint"><span class="spinner" /> Reading…</p>`}
        <ul class="cards">
          ${rooms.map((row) => html`<${Card} key=${row.room.id} ...${row} />`)}
        </ul>
        ${found.value && !rooms.length && html`<div class="empty">
          <h2>${search.value ? 'No room by that name' : 'There is no room to join yet'}</h2>
          <p>${search.value ? 'Try fewer letters. Private rooms are not listed: ask somebody in them for an invitation.' : 'Make the first one. Others will find it here.'}</p>
          <a class="button" href="/rooms/new" onClick=${inside}>Make a room</a>
        </div>`}
        ${found.value?.has_more && html`<button type="button" class="button" onClick=${() => read(rooms.length)}>More rooms</button>`}
      </div>
    </div>
  `
}

function Card({ room, member_count: count, is_member: listed }) {
  const joined = listed || room.id in state.value.rooms
  return html`
    <li class="card" data-room-id=${room.id}>
      <span class="room-sign"><${Icon} name=${room.privacy === 'private' ? 'lock' : 'hash'} /></span>
      <div class="card-words">
        <h2 dir="auto">${room.name}</h2>
        ${(room.description || room.topic) && html`<p dir="auto">${room.description || room.topic}</p>`}
        <p class="hint">${count} ${count === 1 ? 'member' : 'members'}${room.privacy === 'protected' ? ' · by invitation' : ''}${joined ? ' · joined' : ''}</p>
      </div>
      ${joined
        ? html`<a class="button" href=${`/r/${room.id}`} aria-label=${`Open ${room.name}`} onClick=${inside}>Open</a>`
        : room.privacy === 'public'
          ? html`<button type="button" class="button button-main" aria-label=${`Join ${room.name}`} onClick=${() => joinRoom(room.id)}>Join</button>`
          : null}
    </li>
  `
}

const PRIVACY = [
  ['public', 'Public', 'Everybody here can find it and join.'],
  ['protected', 'By invitation', 'Everybody can find it; people come by invitation.'],
  ['private', 'Private', 'Only its members know that it exists.'],
]

export function NewRoom() {
  const busy = useSignal(false)
  const refusal = useSignal(null)
  const first = useRef(null)
  useEffect(() => first.current.focus(), [])
  const make = async (event) => {
    event.preventDefault()
    const fields = Object.fromEntries(new FormData(event.currentTarget))
    busy.value = true
    try {
      await createRoom({ name: fields.name.trim(), topic: fields.topic.trim(), description: fields.description.trim(), privacy: fields.privacy })
    } catch (error) {
      refusal.value = error
    }
    busy.value = false
  }
  return html`
    <div class="page">
      <header class="page-head">
        <a class="tool head-back" href="/" aria-label="Rooms" onClick=${inside}><${Icon} name="back" /></a>
        <h1>New room</h1>
      </header>
      <form class="page-body form" onSubmit=${make}>
        <label class="field"><span>Name</span><input ref=${first} class="input" name="name" required maxlength="100" autocomplete="off" placeholder="garden" /></label>
        <label class="field"><span>Topic <i class="hint">optional</i></span><input class="input" name="topic" maxlength="200" autocomplete="off" placeholder="What it is about right now" /></label>
        <label class="field"><span>Description <i class="hint">optional</i></span><textarea class="input" name="description" rows="3" maxlength="500" /></label>
        <fieldset class="choices">
          <legend>Who can come in</legend>
          ${PRIVACY.map(([value, label, words]) => html`<label key=${value} class="choice">
            <input type="radio" name="privacy" value=${value} defaultChecked=${value === 'public'} />
            <span><b>${label}</b><span class="hint">${words}</span></span>
          </label>`)}
        </fieldset>
        ${refusal.value && html`<p class="error" role="alert">${refusal.value.message}</p>`}
        <div class="form-buttons">
          <button type="submit" class="button button-main" disabled=${busy.value}>Create room</button>
          <button type="button" class="button" onClick=${() => go('/rooms')}>Cancel</button>
        </div>
      </form>
    </div>
  `
}
