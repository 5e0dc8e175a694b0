// What a broadcast costs in Node with `ws`: a text made beforehand, to every socket as often as somebody speaks.
import { WebSocketServer } from "ws"

const size = Number(process.argv[2])
const start = '{"type":"message_received","message":"', end = '"}'
const text = Buffer.from(start + ".".repeat(size - start.length - end.length) + end)

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false })
server.on("listening", () => console.log(`listens on http://127.0.0.1:${server.address().port}`))
server.on("connection", socket => socket.on("message", () => {
  for (const each of server.clients) each.send(text, { binary: false })
}))
