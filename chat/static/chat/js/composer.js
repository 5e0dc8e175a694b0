// Where a person writes: drafts, answers, @names, and what stands in its place when they may not write.

import { html, useComputed, useEffect, useLayoutEffect, useRef, useSignal } from '../vendor/lair-ui.js';
import {
  draftKey,
  editing,
  item,
  me,
  nameOf,
  person,
  recall,
  remember,
  replyTo,
  roomName,
  sayTyping,
  send,
  state,
} from './actions.js';
import { Avatar, Icon, clock, listed } from './text.js';

const MOST_BYTES = 4096
const MOST_SUGGESTED = 6
const NAME_BEFORE = /(?:^|\s)@([\p{L}\p{N}_]*)$/u

/** Why nobody, or not this person, may write here now; null if they may. */
function closedReason(row, sanctions) {
  if (row.room.archived_at) return ['archived', 'This room is archived. It can be read, not written to.']
  const muted = row.membership.muted_until
  if (muted && new Date(muted) > new Date()) return ['muted', `You are muted in this room until ${clock(muted)}.`]
  const site = Object.values(sanctions).find((one) => one.kind === 'mute' && (!one.ends_at || new Date(one.ends_at) > new Date()))
  if (site && (site.room_id === null || site.room_id === row.room.id)) {
    return ['muted', `You are muted${site.ends_at ? ` until ${clock(site.ends_at)}` : ''}: ${site.reason}`]
  }
  const leads = ['moderator', 'owner'].includes(row.membership.role)
  const staff = ['moderator', 'admin'].includes(me.value.role)
  if (row.room.kind === 'system' && !staff) return ['read_only', 'Only staff write here.']
  if (row.room.mode === 'read_only' && !leads) return ['read_only', 'Only moderators write in this room.']
  return null
}

/** The composer of a room, drawn anew for each room (by key). */
export function Composer({ roomId }) {
  const closed = useComputed(() => (item.value ? closedReason(item.value, state.value.sanctions) : ['no_access', 'You cannot write here.']))
  if (closed.value) {
    const [reason, text] = closed.value
    return html`<div class="composer-closed" data-testid="composer-closed" data-reason=${reason}><${Icon} name="lock" /> ${text}</div>`
  }
  return html`<${Writing} roomId=${roomId} />`
}

function Writing({ roomId }) {
  const box = useRef(null)
  const content = useSignal(recall(draftKey(roomId)))
  const suggesting = useSignal(null) // {typed, chosen} while an @name is being written
  const answered = replyTo.value[roomId] ?? null
  const bytes = useComputed(() => (content.value.length < MOST_BYTES / 4 ? 0 : new TextEncoder().encode(content.value).length))
  const suggested = useComputed(() => (suggesting.value ? peopleFor(roomId, suggesting.value.typed) : []))

  useLayoutEffect(() => grow(box.current), [content.value])
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) box.current.focus({ preventScroll: true })
  }, [])

  const set = (text) => {
    content.value = text
    remember(draftKey(roomId), text)
  }
  const stopAnswering = () => {
    replyTo.value = { ...replyTo.value, [roomId]: null }
    box.current.focus()
  }
  const typed = ({ currentTarget: { value, selectionStart } }) => {
    set(value)
    if (value.trim()) sayTyping(roomId)
    const name = NAME_BEFORE.exec(value.slice(0, selectionStart))
    suggesting.value = name ? { typed: name[1].toLowerCase(), chosen: 0 } : null
  }
  const submit = (event) => {
    event?.preventDefault()
    if (!content.value.trim() || bytes.value > MOST_BYTES) return
    if (!send(roomId, content.value, answered?.id ?? null)) return
    set('')
    if (answered) replyTo.value = { ...replyTo.value, [roomId]: null }
    suggesting.value = null
    box.current.focus()
  }
  const complete = (user) => {
    const { value, selectionStart } = box.current
    const before = value.slice(0, selectionStart).replace(/@[\p{L}\p{N}_]*$/u, `@${user.username} `)
    set(before + value.slice(selectionStart))
    suggesting.value = null
    box.current.value = content.value
    box.current.setSelectionRange(before.length, before.length)
    box.current.focus()
  }
  const keys = (event) => {
    if (event.isComposing) return
    // A name written out needs no completing: Enter then sends.
    const whole = event.key === 'Enter' && suggested.value.some((user) => user.username.toLowerCase() === suggesting.value.typed)
    if (suggested.value.length && !whole && suggestionKeys(event, suggesting, suggested.value, complete)) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      submit()
    } else if (event.key === 'Escape' && answered) {
      event.stopPropagation()
      stopAnswering()
    } else if (event.key === 'ArrowUp' && content.value === '') {
      const last = myLast(roomId)
      if (last) {
        event.preventDefault()
        editing.value = last
      }
    }
  }
  const name = roomName(item.value)
  const list = suggested.value
  const over = bytes.value > MOST_BYTES
  return html`
    <form class="composer" onSubmit=${submit}>
      ${answered && html`<div class="answering">
        <${Icon} name="reply" /><span>Replying to <b dir="auto">${nameOf(person(answered.author))}</b></span>
        <span class="answering-text" dir="auto">${answered.content}</span>
        <button type="button" class="tool" aria-label="Cancel reply" title="Cancel reply" onClick=${stopAnswering}><${Icon} name="close" /></button>
      </div>`}
      ${list.length > 0 && html`<div class="menu suggestions" role="listbox" id="suggestions" aria-label="People">
        ${list.map((user, index) => html`<div
          key=${user.id}
          id=${`suggestion-${index}`}
          role="option"
          aria-selected=${index === suggesting.value.chosen ? 'true' : 'false'}
          class="menu-item"
          onPointerDown=${(event) => {
            event.preventDefault()
            complete(user)
          }}
        >
          <${Avatar} user=${user} size="s" /><span dir="auto">${nameOf(user)}</span><span class="hint">@${user.username}</span>
        </div>`)}
      </div>`}
      <div class="composer-box">
        <textarea
          ref=${box}
          rows="1"
          dir="auto"
          aria-label=${`Message ${name}`}
          placeholder=${`Message ${name}`}
          aria-autocomplete="list"
          aria-controls=${list.length ? 'suggestions' : null}
          aria-activedescendant=${list.length ? `suggestion-${suggesting.value.chosen}` : null}
          value=${content.value}
          onInput=${typed}
          onKeyDown=${keys}
          onBlur=${() => (suggesting.value = null)}
        />
        <button type="submit" class="send" aria-label="Send" title="Send (Enter)" disabled=${!content.value.trim() || over}>
          <${Icon} name="send" />
        </button>
      </div>
      <div class="composer-foot">
        <${Typing} roomId=${roomId} />
        ${over && html`<span class="composer-over" role="alert">Too long by ${bytes.value - MOST_BYTES} bytes: shorten it or send it in parts.</span>`}
      </div>
    </form>
  `
}

function suggestionKeys(event, suggesting, list, complete) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step) suggesting.value = { ...suggesting.value, chosen: (suggesting.value.chosen + step + list.length) % list.length }
  else if (event.key === 'Enter' || event.key === 'Tab') complete(list[suggesting.value.chosen])
  else if (event.key === 'Escape') {
    event.stopPropagation()
    suggesting.value = null
  } else return false
  event.preventDefault()
  return true
}

// Members first, where they were read; else whoever is known, such as the authors of the messages at hand.
function peopleFor(roomId, typed) {
  const { users, members, me: self } = state.value
  const inRoom = members[roomId]?.byId
  const known = inRoom ? Object.keys(inRoom).map((id) => users[id]) : Object.values(users)
  const fits = (user) => user && user.id !== self.id && (user.username.toLowerCase().startsWith(typed) || nameOf(user).toLowerCase().startsWith(typed))
  return known.filter(fits).sort((a, b) => (a.username < b.username ? -1 : 1)).slice(0, MOST_SUGGESTED)
}

function myLast(roomId) {
  const { timelines, messages, me: self } = state.value
  return timelines[roomId]?.at(-1)?.ids.findLast((id) => messages[id].author === self.id && !messages[id].deleted_at)
}

// Browsers without `field-sizing` get their rows counted.
function grow(box) {
  if (box && !CSS.supports('field-sizing', 'content')) box.rows = Math.min(10, box.value.split('\n').length)
}

function Typing({ roomId }) {
  const names = useComputed(() => Object.keys(state.value.typing[roomId] ?? {}).map((id) => nameOf(person(id))))
  if (!names.value.length) return html`<span class="typing" data-testid="typing" />`
  return html`<span class="typing typing-now" data-testid="typing"><i /><i /><i /> ${listed(names.value)} ${names.value.length === 1 ? 'is' : 'are'} typing…</span>`
}
