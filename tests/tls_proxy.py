"""A reverse proxy as small as one can be: it ends TLS, adds its headers to each request, and passes bytes on."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "figures.example"


@contextmanager
def tls_proxy(folder: Path, port: int, *, keeps_host: bool) -> Iterator[int]:
    """The port of a proxy in front of ``port``. Without ``keeps_host`` it sends its own Host, and ours apart."""
    proxy = _Proxy(port, keeps_host)
    thread = threading.Thread(target=asyncio.run, args=[proxy.run(_tls(folder))], name="proxy")
    thread.start()
    try:
        yield proxy.port.result(10)
    finally:
        proxy.loop.call_soon_threadsafe(proxy.end.set)
        thread.join()


class _Proxy:
    def __init__(self, port: int, keeps_host: bool) -> None:
        self._port = port
        self._keeps_host = keeps_host
        self._serving: set[asyncio.Task[None]] = set()
        self.port: Future[int] = Future()

    async def run(self, tls: ssl.SSLContext) -> None:
        self.loop = asyncio.get_running_loop()
        self.end = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        self.port.set_result(server.sockets[0].getsockname()[1])
        await self.end.wait()
        server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection; what follows its head, a web socket's frames too, goes through as it is."""
        opened = [writer]
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._port)
                opened.append(onward)
                onward.write(self._forwarded(head))
                await asyncio.gather(_pass_on(reader, onward), _pass_on(onward_reader, writer))
        finally:
            for one in opened:
                one.close()
                with suppress(OSError):
                    await one.wait_closed()

    def _forwarded(self, head: bytes) -> bytes:
        request, *headers = head.rstrip(b"\r\n").split(b"\r\n")
        hosts = [header for header in headers if header.lower().startswith(b"host:")]
        kept = [header for header in headers if not header.lower().startswith((b"host:", b"connection: keep-alive"))]
        added = [b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-Proto: https"]
        if b"upgrade: websocket" not in head.lower():
            added.append(b"Connection: close")
        if self._keeps_host:
            added += hosts
        else:
            added += [b"Host: 127.0.0.1:%d" % self._port, *(b"X-Forwarded-" + host for host in hosts)]
        return b"\r\n".join([request, *kept, *added, b"", b""])


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    writer.close()


def _tls(folder: Path) -> ssl.SSLContext:
    """With a certificate that nobody vouches for."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={NAME}"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
