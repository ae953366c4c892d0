"""A stand-in for carved: canned answers of carve-api(7) on a Unix socket.

The world is an object of "METHOD /path" to an answer or a list of answers. An answer is the body itself, or
{"status": N, "body": {...}} with optional conditions: "if": fields that the request's body must have; "query":
text that the query must contain; "once": true, used only once; "delay_s". The first that applies is given.
Texts like "@+3h12m" and "@-90s" become Unix seconds from the start (all SLACK_S later, so that a test's own running
time does not show in what is left).
"""
import json
import os
import re
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler

SLACK_S = 30
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def moment(text, start):
    match = re.fullmatch(r"@([+-])((?:\d+[dhms])+)", text)
    if not match:
        return text
    span = sum(int(n) * UNITS[u] for n, u in re.findall(r"(\d+)([dhms])", match[2]))
    return start + SLACK_S + (span if match[1] == "+" else -span)


def timed(value, start):
    if isinstance(value, dict):
        return {key: timed(item, start) for key, item in value.items()}
    if isinstance(value, list):
        return [timed(item, start) for item in value]
    return moment(value, start) if isinstance(value, str) else value


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(length).decode()
        path, _, query = self.path.partition("?")
        self.server.requests.append(f"{self.command} {self.path}{' ' + text if text else ''}")
        status, body = self.server.find(f"{self.command} {path}", query, json.loads(text or "{}"))
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class Carved(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path, world):
        super().__init__(path, Handler)
        self.requests = []
        self.connections = []
        self.lock = threading.Lock()
        self.start = int(time.time())
        self.world = {key: value if isinstance(value, list) else [value]
                      for key, value in timed(world, self.start).items()}
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def get_request(self):
        request = super().get_request()
        self.connections.append(request[0])
        return request

    def handle_error(self, request, client_address):
        pass  # those who hung up, or were hung up on

    def hang_up(self):
        """What the daemon's end does to those who are connected."""
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)

    def find(self, what, query, asked):
        with self.lock:
            for answer in self.world.get(what, []):
                if self.applies(answer, query, asked):
                    break
            else:
                return 404, {"error": {"code": "not-found", "text": f"the test has no answer for {what}",
                                       "hint": None, "rule": None, "retry": False}}
            if answer.get("once"):
                self.world[what].remove(answer)
        time.sleep(answer.get("delay_s", 0))
        return (answer["status"], answer["body"]) if "body" in answer else (200, answer)

    @staticmethod
    def applies(answer, query, asked):
        return (all(asked.get(key) == value for key, value in answer.get("if", {}).items())
                and answer.get("query", "") in query)

    def close(self):
        self.shutdown()
        self.server_close()
        os.unlink(self.server_address)


def load_world(folder, name):
    """world.json, and what NAME.json has in its place."""
    world = json.loads((folder / "world.json").read_text())
    own = folder / f"{name}.json"
    if own.exists():
        world.update(json.loads(own.read_text()))
    return world
