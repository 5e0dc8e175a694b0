// The panel with the people of a room.

import { html, useComputed, useEffect, useSignal } from '../../vendor/lair-ui.js';
import { dialog, item, me, nameOf, openDirect, panel, person, readMembers, setRole, state } from '../actions.js';
import { Avatar, Icon } from '../text.js';

const RANKS = ['owner', 'moderator', 'member', 'guest']
const TITLES = { owner: 'Owners', moderator: 'Moderators', member: 'Members', guest: 'Guests' }

export function People({ roomId }) {
  const search = useSignal('')
  useEffect(() => {
    readMembers(roomId)
  }, [roomId])
  const held = useComputed(() => state.value.members[roomId])
  const close = () => {
    panel.value = null
  }
  const row = item.value
  const leads = row && row.room.kind === 'channel' && ['owner', 'moderator'].includes(row.membership.role)
  const fits = ({ user }) => {
    const typed = search.value.trim().toLowerCase()
    return nameOf(user).toLowerCase().includes(typed) || user.username.toLowerCase().includes(typed)
  }
  const rows = Object.values(held.value?.byId ?? {}).map((membership) => ({ membership, user: person(membership.user_id) }))
  const online = state.value.online
  const order = (a, b) => Number(Boolean(online[b.user.id])) - Number(Boolean(online[a.user.id])) || nameOf(a.user).localeCompare(nameOf(b.user))
  return html`
    <aside class="panel" role="complementary" aria-label="People">
      <header class="panel-head">
        <h2>People ${held.value && html`<span class="count">${held.value.total}</span>`}</h2>
        ${leads && html`<button type="button" class="button button-small" onClick=${() => (dialog.value = { name: 'invite', roomId })}>Invite</button>`}
        <button type="button" class="tool" aria-label="Close people" title="Close" onClick=${close}><${Icon} name="close" /></button>
      </header>
      ${rows.length > 8 && html`<input class="input panel-search" type="search" placeholder="Find somebody" aria-label="Find somebody" value=${search.value} onInput=${(event) => (search.value = event.currentTarget.value)} />`}
      <div class="panel-body">
        ${!held.value && html`<p class="hint panel-hint"><span class="spinner" /> Reading…</p>`}
        ${RANKS.map((rank) => {
          const people = rows.filter((one) => one.membership.role === rank && fits(one)).sort(order)
          return people.length > 0 && html`<section key=${rank}>
            <h3 class="sidebar-title">${TITLES[rank]}</h3>
            <ul class="people">
              ${people.map((one) => html`<${Person} key=${one.user.id} ...${one} roomId=${roomId} mine=${row?.membership.role} />`)}
            </ul>
          </section>`
        })}
      </div>
    </aside>
  `
}

function Person({ user, membership, roomId, mine }) {
  const self = user.id === me.value.id
  const online = Boolean(state.value.online[user.id])
  const below = RANKS.indexOf(mine) < RANKS.indexOf(membership.role) && RANKS.indexOf(mine) < 2
  return html`
    <li class="person" data-user-id=${user.id} data-online=${online ? 'true' : 'false'}>
      <${Avatar} user=${user} online=${online} />
      <span class="person-words">
        <b dir="auto">${nameOf(user)}${self ? ' (you)' : ''}</b>
        <span class="hint">@${user.username}${membership.muted_until && new Date(membership.muted_until) > new Date() ? ' · muted' : ''}<span class="hidden">${online ? ', online' : ', offline'}</span></span>
      </span>
      <span class="person-tools">
        ${!self && html`<button type="button" class="tool" aria-label=${`Write to ${nameOf(user)}`} title="Write" onClick=${() => openDirect([user.id])}><${Icon} name="chat" /></button>`}
        ${!self && mine === 'owner' && membership.role !== 'owner' && html`<button
          type="button"
          class="tool"
          aria-label=${membership.role === 'moderator' ? `Make ${nameOf(user)} a member` : `Make ${nameOf(user)} a moderator`}
          title=${membership.role === 'moderator' ? 'Make a member' : 'Make a moderator'}
          aria-pressed=${membership.role === 'moderator' ? 'true' : 'false'}
          onClick=${() => setRole(roomId, user.id, membership.role === 'moderator' ? 'member' : 'moderator')}
        ><${Icon} name="shield" /></button>`}
        ${!self && below && html`<button type="button" class="tool tool-bad" aria-label=${`Remove ${nameOf(user)}`} title="Remove from the room" onClick=${() => (dialog.value = { name: 'kick', roomId, user })}><${Icon} name="exit" /></button>`}
      </span>
    </li>
  `
}
