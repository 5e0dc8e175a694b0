// The desk works without this: it only ticks all rows at once and keeps the front page's numbers fresh.

const SECONDS = 2

function tickAll() {
  const all = document.getElementById("action-toggle")
  const form = document.getElementById("changelist-form")
  if (!all || !form) return
  const boxes = [...form.querySelectorAll(".action-select")]
  const note = form.querySelector("[data-ticked]")
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length
    all.checked = ticked === boxes.length
    all.indeterminate = ticked > 0 && ticked < boxes.length
    note.textContent = ticked ? `With the ${ticked} ticked:` : "Tick rows, then:"
  }
  all.hidden = false
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked
    show()
  })
  form.addEventListener("change", show)
  show()
}

function fillProcesses(rows) {
  const body = document.querySelector("[data-processes]")
  if (!rows.length) return
  body.replaceChildren(
    ...rows.map((row) => {
      const line = document.createElement("tr")
      for (const value of row) line.insertCell().textContent = value
      return line
    }),
  )
}

function fillTiles(tiles) {
  for (const tile of document.querySelectorAll("[data-tile]")) {
    const now = tiles[tile.dataset.tile]
    if (!now) continue
    tile.querySelector("[data-value]").textContent = now.value
    tile.querySelector("[data-note]").textContent = now.note
  }
}

function keepFresh() {
  const numbers = document.querySelector("[data-numbers]")
  if (!numbers) return
  const note = document.querySelector("[data-live]")
  let timer = 0
  const ask = async () => {
    clearTimeout(timer)
    if (document.visibilityState !== "visible") return
    try {
      const answer = await fetch(numbers.dataset.numbers, { headers: { Accept: "application/json" } })
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status))
      const { tiles, processes } = await answer.json()
      fillTiles(tiles)
      fillProcesses(processes)
      note.hidden = false
    } catch {
      note.hidden = true // the reload link stays
    }
    timer = setTimeout(ask, SECONDS * 1000)
  }
  document.addEventListener("visibilitychange", ask)
  timer = setTimeout(ask, SECONDS * 1000)
}

tickAll()
keepFresh()
