// Questions and small forms over the page. The browser's own dialog keeps the focus inside and gives it back.

import { html, useEffect, useRef, useSignal } from '../../vendor/lair-ui.js';
import { archiveRoom, attempt, deleteRoom, dialog, invite, kick, leaveRoomForGood, listUsers, me, nameOf, openDirect, remove, roomName, state, updateRoom } from '../actions.js';
import { Avatar, Icon } from '../text.js';

const close = () => {
  dialog.value = null
}

function Frame({ title, children, wide }) {
  const place = useRef(null)
  useEffect(() => {
    const opener = document.activeElement
    const shown = place.current
    shown.showModal()
    shown.querySelector('[autofocus], input, textarea')?.focus()
    return () => {
      shown.close()
      if (opener?.isConnected) opener.focus()
      else document.querySelector('.composer textarea')?.focus()
    }
  }, [])
  const outside = (event) => event.target === place.current && close()
  return html`
    <dialog ref=${place} class=${wide ? 'dialog dialog-wide' : 'dialog'} aria-label=${title} onCancel=${close} onClick=${outside} onKeyDown=${(event) => event.stopPropagation()}>
      <header class="dialog-head">
        <h2>${title}</h2>
        <button type="button" class="tool" aria-label="Close" onClick=${close}><${Icon} name="close" /></button>
      </header>
      ${children}
    </dialog>
  `
}

/** Ask before something that cannot be taken back. */
function Ask({ title, words, yes, run, quote }) {
  const busy = useSignal(false)
  const go = async () => {
    busy.value = true
    await run()
    close()
  }
  return html`
    <${Frame} title=${title}>
      <p>${words}</p>
      ${quote && html`<blockquote class="quote" dir="auto">${quote}</blockquote>`}
      <div class="form-buttons">
        <button type="button" class="button button-bad" autofocus disabled=${busy.value} onClick=${go}>${yes}</button>
        <button type="button" class="button" onClick=${close}>Cancel</button>
      </div>
    <//>
  `
}

/** Pick people by name. `choose(user)` gives the word to show in place of the button, or nothing. */
function PickPeople({ action, choose, empty }) {
  const search = useSignal('')
  const found = useSignal(null)
  const done = useSignal({})
  const turn = useRef(0)
  useEffect(() => {
    const mine = ++turn.current
    const timer = setTimeout(async () => {
      const answer = await attempt(() => listUsers(search.value))
      if (answer && mine === turn.current) found.value = answer.users
    }, 150)
    return () => clearTimeout(timer)
  }, [search.value])
  const take = async (user) => {
    try {
      done.value = { ...done.value, [user.id]: { word: (await choose(user)) ?? '' } }
    } catch (refusal) {
      done.value = { ...done.value, [user.id]: { word: refusal.message, bad: true } }
    }
  }
  const people = (found.value ?? []).filter(({ user }) => user.id !== me.value.id)
  return html`
    <input class="input" type="search" aria-label="Find somebody" placeholder="Name or username" value=${search.value} onInput=${(event) => (search.value = event.currentTarget.value)} />
    <ul class="people people-pick">
      ${people.map(({ user, online }) => html`<li class="person" key=${user.id} data-user-id=${user.id}>
        <${Avatar} user=${user} online=${online} />
        <span class="person-words"><b dir="auto">${nameOf(user)}</b><span class="hint">@${user.username}</span></span>
        ${done.value[user.id]?.word
          ? html`<span class=${done.value[user.id].bad ? 'error' : 'hint'} role="status">${done.value[user.id].word}</span>`
          : html`<button type="button" class="button button-small" aria-label=${`${action} ${nameOf(user)}`} onClick=${() => take(user)}>${action}</button>`}
      </li>`)}
    </ul>
    ${found.value && !people.length && html`<p class="hint">${search.value ? 'Nobody by that name. Try fewer letters.' : empty}</p>`}
  `
}

const Invite = ({ roomId }) => html`
  <${Frame} title=${`Invite to ${roomName(state.value.rooms[roomId])}`} wide>
    <${PickPeople}
      action="Invite"
      empty="Nobody else has an account yet. Send them the address of this page: they can register there."
      choose=${async (user) => {
        await invite(roomId, user.id)
        return 'Invited'
      }}
    />
  <//>
`

const NewDirect = () => html`
  <${Frame} title="New message" wide>
    <${PickPeople}
      action="Write to"
      empty="Nobody else has an account yet. Send them the address of this page: they can register there."
      choose=${async (user) => {
        await openDirect([user.id])
        close()
      }}
    />
  <//>
`

const PRIVACY = [
  ['public', 'Public: everybody can find it and join'],
  ['protected', 'By invitation: everybody can find it'],
  ['private', 'Private: only members know of it'],
]

function RoomDetails({ roomId }) {
  const { room, membership } = state.value.rooms[roomId]
  const refusal = useSignal(null)
  const save = async (event) => {
    event.preventDefault()
    const fields = Object.fromEntries(new FormData(event.currentTarget))
    const changed = Object.fromEntries(Object.entries(fields).filter(([key, value]) => value !== room[key]))
    try {
      if (Object.keys(changed).length) await updateRoom(roomId, changed)
      close()
    } catch (error) {
      refusal.value = error
    }
  }
  const owner = membership.role === 'owner'
  return html`
    <${Frame} title="Room details" wide>
      <form class="form" onSubmit=${save}>
        <label class="field"><span>Name</span><input class="input" name="name" required maxlength="100" defaultValue=${room.name} /></label>
        <label class="field"><span>Topic</span><input class="input" name="topic" maxlength="200" defaultValue=${room.topic} /></label>
        ${owner && html`
          <label class="field"><span>Description</span><textarea class="input" name="description" rows="3" maxlength="500" defaultValue=${room.description} /></label>
          <label class="field"><span>Who can come in</span>
            <select class="input" name="privacy">${PRIVACY.map(([value, label]) => html`<option key=${value} value=${value} selected=${room.privacy === value}>${label}</option>`)}</select>
          </label>
        `}
        <label class="field"><span>Who can write</span>
          <select class="input" name="mode">
            <option value="open" selected=${room.mode === 'open'}>Every member</option>
            <option value="read_only" selected=${room.mode === 'read_only'}>Only moderators</option>
          </select>
        </label>
        ${refusal.value && html`<p class="error" role="alert">${refusal.value.message}</p>`}
        <div class="form-buttons">
          <button type="submit" class="button button-main">Save</button>
          <button type="button" class="button" onClick=${close}>Cancel</button>
        </div>
      </form>
    <//>
  `
}

const views = {
  new_direct: NewDirect,
  invite: Invite,
  room_details: RoomDetails,
  delete_message: ({ message }) => html`<${Ask} title="Delete message" words="It disappears for everybody in the room. This cannot be undone." quote=${message.content.slice(0, 280)} yes="Delete message" run=${() => remove(message)} />`,
  kick: ({ roomId, user }) => html`<${Ask} title=${`Remove ${nameOf(user)}`} words="They leave the room at once and read nothing more of it. They can be invited again." yes="Remove" run=${() => kick(roomId, user.id)} />`,
  leave: ({ roomId }) => html`<${Ask} title=${`Leave ${roomName(state.value.rooms[roomId])}`} words="You get no more of its messages. A public room can be joined again; others need an invitation." yes="Leave room" run=${() => leaveRoomForGood(roomId)} />`,
  archive: ({ roomId }) => {
    const { room } = state.value.rooms[roomId]
    const back = Boolean(room.archived_at)
    return html`<${Ask} title=${back ? 'Bring back' : 'Archive'} words=${back ? 'Members can write in it again.' : 'It can be read, and nobody can write in it, until you bring it back.'} yes=${back ? 'Bring back' : 'Archive'} run=${() => archiveRoom(roomId, !back)} />`
  },
  delete_room: ({ roomId }) => html`<${Ask} title=${`Delete ${roomName(state.value.rooms[roomId])}`} words="The room and all its messages are gone for everybody. This cannot be undone." yes="Delete room" run=${() => deleteRoom(roomId)} />`,
}

/** The dialog of a name; one whose room is gone closes itself. */
export function Dialog({ name, ...props }) {
  const View = views[name]
  const gone = props.roomId && !state.value.rooms[props.roomId]
  useEffect(() => {
    if (gone || !View) close()
  }, [gone])
  return View && !gone ? html`<${View} ...${props} />` : null
}
