"""A small web application that can be replaced while it serves, with Python's standard library only.

What makes that possible is in three places, each marked with "Release:".
"""

import json
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = os.environ.get("APP_VERSION", "1")
stopping = threading.Event()


class Handler(BaseHTTPRequestHandler):
    # Release: keep-alive, and for longer than the balancer's idle timeout of 60 seconds. The balancer must be the one
    # that closes idle connections, or it sends a request into one that is just being closed.
    protocol_version = "HTTP/1.1"
    timeout = 75
    # Head and body leave in one piece and at once; else the body waits for the balancer's acknowledgement, 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        path = self.path.split("?", 1)[0]
        if path == "/":
            self.answer(200, "text/plain; charset=utf-8", f"Hello from version {VERSION}\n")
        elif path == "/health":
            self.answer(200, "application/json", json.dumps({"status": "ok", "version": VERSION}))
        else:
            self.answer(404, "text/plain; charset=utf-8", "There is nothing here.\n")

    do_HEAD = do_GET

    def answer(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-App-Version", VERSION)
        if stopping.is_set():
            # Release: whoever still has a connection is told to take another one next time.
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    # Joined by server_close(), so that requests in flight are finished.
    daemon_threads = False
    request_queue_size = 512

    def __init__(self, address):
        self.connections = set()
        self.lock = threading.Lock()
        super().__init__(address, Handler)

    def process_request(self, request, client_address):
        with self.lock:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def finish_connections(self):
        """Reads nothing more: idle connections end at once, busy ones after their answer."""
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RD)
                except OSError:
                    pass  # The client was faster.


def main():
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))))

    def stop(*_):
        stopping.set()
        # shutdown() waits for the loop below, which this very handler interrupts.
        threading.Thread(target=server.shutdown).start()

    # Release: SIGTERM says that traffic goes elsewhere; what is in flight is still answered.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"version {VERSION} listens on port {server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.finish_connections()
    server.server_close()
    print("stopped after the last answer", flush=True)


if __name__ == "__main__":
    main()
