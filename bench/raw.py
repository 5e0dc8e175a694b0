"""What a broadcast costs when nothing else is done: the floor that we are measured against.

One process, picows on uvloop, one frame made beforehand and written to every socket as often as somebody says
something. No database, no check, no JSON. Run as a program: `python -m bench.raw <bytes of a frame>`.
"""

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

everybody: set[WSTransport] = set()


def frame_of(size: int) -> bytes:
    """A text of so many bytes that counts as a delivered message."""
    start, end = b'{"type":"message_received","message":"', b'"}'
    return start + b"." * (size - len(start) - len(end)) + end


class Broadcast(WSListener):
    def __init__(self, frame: bytes) -> None:
        self.frame = frame

    def on_ws_connected(self, transport: WSTransport) -> None:
        everybody.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        everybody.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            for each in everybody:
                each.send(WSMsgType.TEXT, self.frame)


async def serve(frame: bytes) -> None:
    def listener(_request: WSUpgradeRequest) -> WSListener:
        return Broadcast(frame)

    server = await ws_create_server(listener, "127.0.0.1", 0, max_frame_size=65536)
    print(f"listens on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main(size: str) -> None:
    uvloop.run(serve(frame_of(int(size))))


if __name__ == "__main__":
    main(*sys.argv[1:])
