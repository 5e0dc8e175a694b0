// One connection to /ws that is always on its way back: it resumes from the positions held, over a new socket each time.
// It knows frames, states and delays; what a frame means is not its business. See docs/protocol/websocket.md.

const FIRST_DELAY_MS = [500, 3_000]
const MOST_DELAY_MS = 30_000
const ANSWER_MS = 10_000
const CHECK_MS = 3_000 // how long a connection may take to prove that it lives after a sleep
const OPEN_MS = 15_000 // how long opening may take, up to `live`
const PULSE_MS = 5_000
const SLEPT_MS = 20_000 // a gap between two pulses, or a silence, that calls for a check

const AT_ONCE = new Set([4008]) // too slow: what was missed is waiting
const LAST = new Set([4001, 4003, 4010, 4011]) // the person has to act first

/** A command that got no ack: refused with a code by the server, or `no_answer` and `not_connected` by this side. */
export class NotDone extends Error {
  constructor({ code, message, details }) {
    super(message)
    this.code = code
    this.details = details ?? {}
  }
}

/**
 * Open the connection and keep it. `resume()` gives `{epoch, positions}`, or null before anything was read;
 * `onEvents(events)` gets stored and volatile events and resets, in order; `onState(state)` one of offline, connecting,
 * resuming, live; `onReady(frame)` each `ready`; `onEnd(code, reason)` is called once, when reconnecting would be no use.
 */
export function connect({ address, name, resume, onEvents, onReady, onState, onEnd }) {
  let socket = null
  let state = 'connecting'
  let delay = 0
  let timer = null
  let ended = false
  let lastPulse = Date.now()
  let lastHeard = Date.now()
  let opening = null
  let nextId = 1
  const waiting = new Map()

  const become = (next) => {
    if (state === next) return
    state = next
    onState(next)
  }

  function open() {
    clearTimeout(timer)
    timer = null
    drop()
    if (ended) return
    become('connecting')
    const mine = new WebSocket(address)
    socket = mine
    opening = setTimeout(() => closed(0, ''), OPEN_MS)
    mine.onmessage = ({ data }) => mine === socket && receive(JSON.parse(data))
    mine.onclose = ({ code, reason }) => mine === socket && closed(code, reason)
  }

  // A socket whose network is gone may take minutes to close: it is left behind, and nothing it still says is heard.
  function drop() {
    const old = socket
    socket = null
    clearTimeout(opening)
    for (const { refuse, timeout } of waiting.values()) {
      clearTimeout(timeout)
      refuse(new NotDone({ code: 'not_connected', message: 'The connection was lost.' }))
    }
    waiting.clear()
    if (old && old.readyState <= WebSocket.OPEN) old.close(1000)
  }

  function closed(code, reason) {
    drop()
    if (LAST.has(code)) {
      ended = true
      become('offline')
      return onEnd(code, reason)
    }
    become('offline')
    let wait = AT_ONCE.has(code) ? 0 : backOff()
    if (code === 4012) wait = (Number(reason) || 1) * 1000 + Math.random() * 500
    if (code === 4029) wait = Math.max(wait, 5_000)
    timer = setTimeout(open, wait)
  }

  function backOff() {
    const [least, most] = FIRST_DELAY_MS
    delay = delay ? Math.min(delay * 2, MOST_DELAY_MS) : least + Math.random() * (most - least)
    return delay
  }

  function receive(data) {
    const events = []
    lastHeard = Date.now()
    for (const frame of Array.isArray(data) ? data : [data]) {
      if (frame.type === 'server_hello') greet()
      else if (frame.type === 'ready') {
        become('resuming')
        onReady(frame)
      } else if (frame.type === 'live') {
        flush(events)
        delay = 0
        clearTimeout(opening)
        become('live')
      } else if (frame.type === 'ack' || frame.type === 'pong' || frame.type === 'error') {
        flush(events)
        answer(frame)
      } else events.push(frame)
    }
    flush(events)
  }

  function flush(events) {
    // Not at once: if it does not help, this must not become a race.
    if (events.length && onEvents(events.splice(0)) === false) closed(0, '')
  }

  const greet = () => {
    write({ type: 'client_hello', version: '2.0', client_name: name, features: [], resume: resume() })
  }

  function answer(frame) {
    const held = waiting.get(frame.request_id)
    if (!held) return
    waiting.delete(frame.request_id)
    clearTimeout(held.timeout)
    if (frame.type === 'error') held.refuse(new NotDone(frame.error))
    else held.done(frame)
  }

  const write = (frame) => socket.send(JSON.stringify(frame))

  /** Send a command and wait for its ack. Rejects with NotDone. */
  function request(frame, within = ANSWER_MS) {
    if (state !== 'live' || socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new NotDone({ code: 'not_connected', message: 'There is no connection right now.' }))
    }
    const id = String(nextId++)
    return new Promise((done, refuse) => {
      const timeout = setTimeout(() => {
        waiting.delete(id)
        refuse(new NotDone({ code: 'no_answer', message: 'The server did not answer in time.' }))
      }, within)
      waiting.set(id, { done, refuse, timeout })
      write({ ...frame, request_id: id })
    })
  }

  /** Send something that is not answered, if there is a connection. */
  function tell(frame) {
    if (state === 'live' && socket?.readyState === WebSocket.OPEN) write(frame)
  }

  function again() {
    delay = 0
    open()
  }

  async function check() {
    if (ended) return
    if (state === 'live') await request({ type: 'ping' }, CHECK_MS).catch(again)
    else if (timer !== null || state === 'offline') again()
  }

  const seen = () => document.visibilityState === 'visible' && check()
  const pulse = setInterval(() => {
    const now = Date.now()
    if (now - lastPulse > SLEPT_MS || (state === 'live' && now - lastHeard > SLEPT_MS)) check()
    lastPulse = now
  }, PULSE_MS)
  addEventListener('online', check)
  document.addEventListener('visibilitychange', seen)

  /** Close for good. */
  function end() {
    ended = true
    clearInterval(pulse)
    clearTimeout(timer)
    removeEventListener('online', check)
    document.removeEventListener('visibilitychange', seen)
    drop()
    become('offline')
  }

  open()
  return { request, tell, again, end }
}
