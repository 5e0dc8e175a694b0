// What a broadcast costs with socket.io: as its tutorial has it, one event to everybody as often as somebody speaks.
import { createServer } from "node:http"
import { Server } from "socket.io"

const text = ".".repeat(Math.max(1, Number(process.argv[2]) - '42["message_received",""]'.length))
const http = createServer()
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, pingInterval: 300_000 })
io.on("connection", socket => socket.on("say", () => io.emit("message_received", text)))
http.listen(0, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${http.address().port}`))
