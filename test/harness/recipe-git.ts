// An application of the shape of GitLab in a container: HTTP over a unix socket below its root, pages for errors and
// other files beside it, and a real git behind both, to push to and to clone from.

/** What a test that uses it needs. */
export const gitNeeds = ["git"] as const;

export const workhorseSocket = "/var/opt/gitlab/gitlab-workhorse/sockets/socket";
export const workhorseProgram = "/usr/bin/python3 /opt/gitlab/workhorse.py";

const workhorse = `
import json, os, socketserver, subprocess, time
from http.server import BaseHTTPRequestHandler

place = "${workhorseSocket}"

class Workhorse(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                part = self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return
                yield part
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            part = self.rfile.read(min(left, 1 << 16))
            left -= len(part)
            yield part

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if ".git/" in path:
            return self.git(path, query)
        if path == "/slow":
            time.sleep(3)
            return self.answer("slow but there")
        if path == "/":
            return self.answer("", 302, {
                "Location": "http://" + self.headers["Host"] + "/users/sign_in",
                "Set-Cookie": "_gitlab_session=abc; path=/; HttpOnly",
            })
        told = {key: value for key, value in self.headers.items()}
        self.answer(json.dumps({"path": self.path, "headers": told}))

    def do_POST(self):
        path, _, query = self.path.partition("?")
        self.git(path, query)

    def git(self, path, query):
        variables = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": "/var/opt/gitlab/repositories", "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_USER": "tester",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "HOME": "/root",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        if self.headers.get("Content-Length"):
            variables["CONTENT_LENGTH"] = self.headers["Content-Length"]
        run = subprocess.Popen(["git", "http-backend"], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for part in self.body():
            run.stdin.write(part)
        run.stdin.close()
        status, fields = 200, []
        while True:
            line = run.stdout.readline().strip().decode("latin1")
            if line == "":
                break
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split(" ")[0])
            else:
                fields.append((name, value))
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            part = run.stdout.read1(1 << 16)
            self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(part), part))
            if not part:
                break
        run.wait()

    def answer(self, text, status=200, fields={}):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def address_string(self):
        return "unix"

    def log_message(self, *words):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

if os.path.exists(place):
    os.unlink(place)
server = Server(place, Workhorse)
os.chmod(place, 0o666)
server.serve_forever()
`;

const pages = "/opt/gitlab/embedded/service/gitlab-rails/public";

export const gitLab: Readonly<Record<string, string>> = {
  "/opt/gitlab/workhorse.py": workhorse,
  [`${pages}/robots.txt`]: "User-Agent: *\n",
  [`${pages}/help.html`]: "<p>help</p>\n",
  [`${pages}/assets/app.js`]: "let app;\n",
  [`${pages}/about/index.html`]: "<p>about</p>\n",
};
