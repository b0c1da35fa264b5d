// An application of the shape of Seafile in a container: pages by a real Django behind FastCGI over TCP (uWSGI speaks it),
// a server for the contents of files on another port, and media in a folder with links, as its installer makes them.

/** What a test that uses it needs. */
export const djangoNeeds = [
  "uwsgi",
  "uwsgi_python3",
  "/usr/lib/python3/dist-packages/django/__init__.py",
] as const;

export const seahubPort = 8000;
export const contentPort = 8082;

/** It listens at port 8000 with FastCGI. */
export const seahubProgram =
  `/usr/bin/uwsgi --plugins-dir /usr/lib/uwsgi/plugins --plugin python3 --fastcgi-socket 0.0.0.0:${seahubPort} ` +
  "--chdir /opt/seafile --wsgi-file /opt/seafile/seahub.py --master --processes 2 --die-on-term " +
  "--uid www-data --gid www-data --logto /var/log/seahub.log";

/** It listens at port 8082 with HTTP. */
export const contentProgram = "/usr/bin/python3 /opt/seafile/contents.py";

const seahub = `
import hashlib, json, os, sys
import django
from django.conf import settings
settings.configure(
    DEBUG=False, SECRET_KEY="of no use to anybody", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies", SESSION_COOKIE_PATH="/seafile",
    INSTALLED_APPS=["django.contrib.sessions"], USE_X_FORWARDED_HOST=False,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"],
    APPEND_SLASH=True,
)
django.setup()
from django.http import HttpResponse, HttpResponseForbidden, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, re_path
from django.core.wsgi import get_wsgi_application

def home(request):
    if "name" not in request.session:
        return redirect("login")
    return HttpResponse("libraries of " + request.session["name"])

def login(request):
    if request.method != "POST":
        return HttpResponse("please log in")
    if request.POST.get("password") != "opensesame":
        return HttpResponseForbidden("no")
    request.session["name"] = request.POST["login"]
    return redirect(request.build_absolute_uri("/seafile/"))

def told(request, rest=""):
    texts = {key: value for key, value in request.META.items() if isinstance(value, str)}
    return JsonResponse({"path": request.path, "info": request.path_info, "meta": texts})

def upload(request):
    if request.method == "POST":
        digest = hashlib.sha256()
        sent = request.FILES["file"]
        for part in sent.chunks():
            digest.update(part)
        return JsonResponse({"name": sent.name, "size": sent.size, "sha256": digest.hexdigest()})
    return HttpResponse("send it")

def stream(request):
    return StreamingHttpResponse((b"%07d\\n" % at for at in range(200000)), content_type="text/plain")

urlpatterns = [
    path("seafile/", home), path("seafile/accounts/login/", login, name="login"),
    re_path("^seafile/told(?P<rest>/.*)?$", told), path("seafile/upload/", upload), path("seafile/stream/", stream),
]
application = get_wsgi_application()
`;

const contents = `
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Contents(BaseHTTPRequestHandler):
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

    def do_POST(self):
        digest, size = hashlib.sha256(), 0
        for part in self.body():
            digest.update(part)
            size += len(part)
        self.answer(("%s %d %s" % (self.path, size, digest.hexdigest())).encode())

    do_PUT = do_POST

    def do_GET(self):
        if self.path.startswith("/files/"):
            self.send_response(302)
            self.send_header("Location", "http://" + self.headers["Host"] + "/f/token/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.answer(self.path.encode())

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", "sfcontent=1; Path=/")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass

ThreadingHTTPServer(("0.0.0.0", ${contentPort}), Contents).serve_forever()
`;

export const seafile: Readonly<Record<string, string>> = {
  "/opt/seafile/seahub.py": seahub,
  "/opt/seafile/contents.py": contents,
  "/opt/seafile/seafile-server-9.0.10/seahub/media/css/seahub.css": "body { color: #123456 }\n",
  "/opt/seafile/seafile-server-9.0.10/seahub/secret.py": "SECRET_KEY = 'the-key-of-seahub'\n",
  "/opt/seafile/seahub-data/avatars/default.txt": "a face\n",
};

/** Links by their paths: what each says. */
export const seafileLinks: Readonly<Record<string, string>> = {
  "/opt/seafile/seafile-server-latest": "seafile-server-9.0.10",
  "/opt/seafile/seafile-server-9.0.10/seahub/media/avatars": "/opt/seafile/seahub-data/avatars",
};
