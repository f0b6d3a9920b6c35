"""A way from 127.0.0.1 to the HTTP API of the local stack, which is reached by a name that the fakes do not push to."""

import http.client
import http.server
import threading
import urllib.parse

PASSED = ("content-type", "credential", "authorization", "x-api-key", "user-agent")


class Relay:
    """Takes requests from its start to `stop`; passes them on once it knows where the API is."""

    def __init__(self):
        relay = self
        self.host = self.port = None

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: self.headers[name] for name in PASSED if self.headers[name]}
                status, answer = relay.passed_on(self.path, headers, body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def leads_to(self, endpoint, api):
        """To the API of this id at the emulator's address."""
        self.port = urllib.parse.urlsplit(endpoint).port
        self.host = f"{api}.execute-api.localhost:{self.port}"

    def passed_on(self, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, body, {**headers, "host": self.host})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self):
        self.server.shutdown()
