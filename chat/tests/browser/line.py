"""A telephone line between a browser and the server, which a test can cut."""

import contextlib
import socket
import threading

CHUNK = 65536


class Line:
    """A TCP proxy on a free port. While it is cut, nothing passes and nobody is let in."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._is_cut = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and take no new one."""
        with self._lock:
            self._is_cut = True
            broken, self._open = self._open, set()
        for end in broken:
            _close(end)

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self._listener.accept()
            except OSError:
                return
            self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        with self._lock:
            if self._is_cut:
                return _close(near)
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open |= {near, far}
        threading.Thread(target=self._carry, args=(near, far), daemon=True).start()
        threading.Thread(target=self._carry, args=(far, near), daemon=True).start()
        return None

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        _close(source)
        _close(sink)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
