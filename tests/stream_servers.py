"""Cameras on the network, on loopback: HTTP MJPEG, and RTSP with H.264 inside its own TCP connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from tests.fake_camera import Image, lively

WIDTH, HEIGHT = 160, 120


def smooth(number: int) -> Image:
    """A picture that encoders do not choke on, different from every other."""
    return cv2.GaussianBlur(lively(number, WIDTH, HEIGHT), (0, 0), 2)  # type: ignore[return-value]


def jpeg_of(number: int) -> bytes:
    return cv2.imencode(".jpg", smooth(number))[1].tobytes()


class MjpegServer:
    """HTTP MJPEG that can be cut and restored at the same port; its pictures go on as if it were never cut."""

    def __init__(self, fps: float = 40.0, picture: Callable[[int], bytes] = jpeg_of) -> None:
        self.port = 0
        self.fps = fps
        self._picture = picture
        self._begin_s = time.monotonic()
        self._sending = threading.Event()
        self.start()

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(OSError):  # the program let go
                    outer._send(self)

        self._sending.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _send(self, handler: BaseHTTPRequestHandler) -> None:
        number = int((time.monotonic() - self._begin_s) * self.fps)
        while self._sending.is_set():
            data = self._picture(number)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            handler.wfile.write(head.encode() + data + b"\r\n")
            number += 1
            time.sleep(max(0.0, self._begin_s + number / self.fps - time.monotonic()))

    def cut(self) -> None:
        self._sending.clear()
        self._server.shutdown()
        self._server.server_close()


class RtspServer:
    """RTSP (RFC 2326) for one client after the other; the pictures come interleaved in the same connection.

    Attributes
    ----------
    asked : list[str]
        First lines of the requests, and the transport that was asked for.
    """

    def __init__(self, fps: float = 30.0) -> None:
        self.fps = fps
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._client: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Drop the client; another may come."""
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        while True:
            try:
                self._client, _ = self._listener.accept()
            except OSError:
                return
            with self._client, contextlib.suppress(OSError):
                self._answer(self._client)

    def _answer(self, client: socket.socket) -> None:
        requests = client.makefile("rb")
        while line := requests.readline().decode():
            headers = {}
            while header := requests.readline().decode().strip():
                name, _, value = header.partition(":")
                headers[name.strip().lower()] = value.strip()
            method = line.split()[0]
            self.asked.append(line.strip())
            extra, body = "", ""
            if method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE":
                body = (
                    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                    "a=control:track1\r\n"
                )
                extra = "Content-Type: application/sdp\r\n"
            elif method == "SETUP":
                self.asked.append(headers["transport"])
                extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            head = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{extra}"
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            client.sendall(f"{head}{length}\r\n{body}".encode())
            if method == "PLAY":
                self._play(client)
                return

    def _play(self, client: socket.socket) -> None:
        import av

        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        encoder.time_base = Fraction(1, 90_000)
        encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "10", "slice-max-size": "0"}
        number = packet_number = 0
        begin_s = time.monotonic()
        while True:
            frame = av.VideoFrame.from_ndarray(smooth(number), format="bgr24")
            frame.pts = round(90_000 * number / self.fps)
            for packet in encoder.encode(frame):
                units = [unit.rstrip(b"\0") for unit in bytes(packet).split(b"\0\0\1") if unit.rstrip(b"\0")]
                for unit in units:
                    mark = 0x80 if unit is units[-1] else 0
                    head = struct.pack(">BBHII", 0x80, mark | 96, packet_number & 0xFFFF, frame.pts & 0xFFFFFFFF, 7)
                    client.sendall(b"$\0" + struct.pack(">H", len(head) + len(unit)) + head + unit)
                    packet_number += 1
            number += 1
            time.sleep(max(0.0, begin_s + number / self.fps - time.monotonic()))
