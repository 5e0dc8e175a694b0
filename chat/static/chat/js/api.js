// REST with the session cookie. Answers are plain objects; refusals are thrown as Refused.

const BASE = '/api/v1'

/** What the server answered instead: `code` and `message` as in the error envelope, `status` 0 if it could not be reached. */
export class Refused extends Error {
  constructor(status, { code, message, details, request_id: requestId } = {}, retryAfter = null) {
    super(message ?? 'The server could not be reached. Check the connection and try again.')
    this.status = status
    this.code = code ?? 'unreachable'
    this.details = details ?? null
    this.requestId = requestId ?? null
    this.retryAfter = retryAfter
  }
}

let csrfToken = ''
let onSignedOut = () => {}

/** Set the token the page came with, and what to do when the session has ended. */
export function configure({ csrf, signedOut }) {
  csrfToken = csrf
  onSignedOut = signedOut
}

const cookie = (name) => document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)

/** The token for unsafe requests: a sign-in elsewhere in this browser may have changed the cookie since the page came. */
export const csrf = () => cookie('__Host-lair_csrf') ?? cookie('lair_csrf') ?? csrfToken

async function call(method, path, { query, body } = {}) {
  const address = new URL(BASE + path, location.origin)
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') address.searchParams.set(key, value)
  }
  const headers = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-CSRFToken'] = csrf()
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response
  try {
    response = await fetch(address, { method, headers, body: body && JSON.stringify(body), credentials: 'same-origin' })
  } catch {
    throw new Refused(0)
  }
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  if (response.status === 401) onSignedOut('session_ended')
  throw new Refused(response.status, answer.error, Number(response.headers.get('Retry-After')) || null)
}

export const get = (path, query) => call('GET', path, { query })
export const post = (path, body = {}) => call('POST', path, { body })
export const put = (path, body = {}) => call('PUT', path, { body })
export const patch = (path, body) => call('PATCH', path, { body })
export const del = (path, body) => call('DELETE', path, { body })
