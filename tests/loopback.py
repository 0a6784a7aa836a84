"""A server on the loopback address that answers as it is told, and remembers what it was asked for."""

import contextlib
import http.server
import threading


class Site:
    """What a server on the loopback address has, and what it was asked for."""

    def __init__(self):
        self.pages, self.asked = {}, []

    def put(self, path, answer):
        self.pages[path] = answer
        return self.address + path


@contextlib.contextmanager
def running():
    """A running server without pages."""
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            site.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
            self.close_connection = True
            answer = site.pages.get(self.path, status(404, b"<html>nothing</html>"))
            with contextlib.suppress(ConnectionError):
                answer(self)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = False
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def status(code, body=b"", **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def whole(body, **headers):
    return status(200, body, **headers)


def broken(body, *, after, etag='"1"', ranges=True):
    """Breaks off once after some bytes, then continues as asked, or starts anew if the file is another one."""
    calls = []

    def answer(handler):
        wanted = handler.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if not ranges or handler.headers.get("If-Range") != etag:
            start = 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.send_header("ETag", etag)
        handler.end_headers()
        handler.wfile.write(body[start:] if calls else body[:after])
        calls.append(start)

    answer.calls = calls
    return answer


def in_turn(*answers):
    remaining = list(answers)

    def answer(handler):
        (remaining.pop(0) if len(remaining) > 1 else remaining[0])(handler)

    return answer
