// Message text becomes nodes here and nowhere else: text nodes with line breaks, links and mentions. Never an HTML string.
// Small things every part of the page draws with live here too: icons, avatars, times.

import { html } from '../vendor/lair-ui.js';

// One pass, no nesting: the time it takes grows with the text and nothing else.
// A username is letters and digits of any script, and underscores.
const TOKEN = /(https?:\/\/[^\s<>"]+)|(^|[^\p{L}\p{N}_@])@([\p{L}\p{N}_]+)/giu
const TRAILING = /[.,:;!?'")\]}]+$/

/** The nodes of a text. `users` gives a User for a lower-case username, or nothing. */
export function textNodes(content, users, myId) {
  const nodes = []
  let end = 0
  for (const match of content.matchAll(TOKEN)) {
    const [whole, link, before, name] = match
    if (link) {
      const address = withoutTail(link)
      nodes.push(content.slice(end, match.index), anchor(address))
      end = match.index + address.length
    } else {
      const user = users(name.toLowerCase())
      if (!user) continue
      nodes.push(content.slice(end, match.index) + before, mention(user, myId))
      end = match.index + whole.length
    }
  }
  nodes.push(content.slice(end))
  return nodes.filter((node) => node !== '')
}

// "(see https://example.org/a_(b))": a bracket belongs to the address only if it was opened in it.
function withoutTail(link) {
  const tail = link.match(TRAILING)?.[0] ?? ''
  let address = link.slice(0, link.length - tail.length)
  for (const sign of tail) {
    if (sign !== ')' || address.split('(').length <= address.split(')').length) break
    address += sign
  }
  return address
}

const anchor = (address) =>
  html`<a href=${address} target="_blank" rel="noopener noreferrer nofollow">${address}</a>`

const mention = (user, myId) =>
  html`<span class=${user.id === myId ? 'mention mention-me' : 'mention'}>@${user.username}</span>`

/** An icon of the sprite. `base` is where the sprite lies. */
export const Icon = ({ name }) => html`<svg class="icon" aria-hidden="true"><use href=${`${spriteAddress()}#${name}`} /></svg>`

const spriteAddress = () => document.documentElement.dataset.icons

const HUES = 12

function hueOf(id) {
  let sum = 0
  for (const sign of String(id)) sum = (sum * 31 + sign.codePointAt(0)) >>> 0
  return sum % HUES
}

const initialsOf = (name) => {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean)
  const first = [...(words[0] ?? '?')]
  return (words.length > 1 ? first[0] + [...words.at(-1)][0] : first.slice(0, 2).join('')).toUpperCase()
}

/** Somebody's sign: their initials on a colour of their own. */
export const Avatar = ({ user, size = 'm', online }) => html`
  <span class=${`avatar avatar-${size} hue-${hueOf(user.id)}`} aria-hidden="true">
    ${initialsOf(user.display_name || user.username || '?')}
    ${online === undefined ? null : html`<span class=${online ? 'presence presence-on' : 'presence'} />`}
  </span>
`

const language = document.documentElement.lang || undefined
const format = (options) => new Intl.DateTimeFormat(language, options)
const CLOCK = format({ hour: '2-digit', minute: '2-digit', hour12: false })
const DAY = format({ weekday: 'long', day: 'numeric', month: 'long' })
const DAY_AND_YEAR = format({ day: 'numeric', month: 'long', year: 'numeric' })
const FULL = format({ dateStyle: 'full', timeStyle: 'short' })
const RELATIVE = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
const DAY_MS = 86_400_000

export const clock = (time) => CLOCK.format(new Date(time))
export const fullTime = (time) => FULL.format(new Date(time))
export const dayKey = (time) => new Date(time).toDateString()

/** "Today", "Yesterday", "Monday, 2 November", or with the year where it is another. */
export function dayName(time) {
  const date = new Date(time)
  const midnight = (of) => new Date(of.getFullYear(), of.getMonth(), of.getDate()).getTime()
  const days = Math.round((midnight(date) - midnight(new Date())) / DAY_MS)
  if (days >= -1 && days <= 0) return capital(RELATIVE.format(days, 'day'))
  return (date.getFullYear() === new Date().getFullYear() ? DAY : DAY_AND_YEAR).format(date)
}

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1)

/** "Ada", "Ada and Bob", "Ada, Bob and 3 others". */
export function listed(names, most = 3) {
  if (names.length <= 1) return names.join('')
  if (names.length <= most) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  const others = names.length - most + 1
  return `${names.slice(0, most - 1).join(', ')} and ${others} others`
}

export const shownCount = (count) => (count > 99 ? '99+' : String(count))
