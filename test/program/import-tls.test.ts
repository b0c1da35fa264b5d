// TLS of other programs' configurations, as it is written here; and locks, of which none is lost: who needed a certificate needs
// one, or nobody gets in.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { runCommand, tidegate } from "../harness/command.ts";
import { issued, trustedRoot } from "../harness/issued.ts";
import { tempFolder } from "../harness/temp-folder.ts";

type Items = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** CA, and CERT with KEY for default.test, stand for files that are there. */
async function imported(program: string, text: string, name = "site.yaml") {
  await using folder = await tempFolder();
  const { cert, key } = issued(["default.test"]);
  await writeFile(folder.file("ca.pem"), trustedRoot);
  await writeFile(folder.file("cert.pem"), cert);
  await writeFile(folder.file("key.pem"), key);
  const here = (each: string) => folder.file(each);
  const written = text
    .replaceAll(/\bCA\b/g, here("ca.pem"))
    .replaceAll("CERT", here("cert.pem"))
    .replaceAll("KEY", here("key.pem"));
  await writeFile(folder.file(name), written);
  const ended = await runCommand(tidegate, ["import", program, folder.file(name)]);
  assert.equal(ended.code, 0, ended.stderr);
  const plain = (output: string) => output.replaceAll(`${folder.path}/`, "");
  const config = parse(plain(ended.stdout)) as Readonly<Record<string, Items>>;
  const { routes = {}, tls, listeners, tcpRoutes = {} } = config;
  return {
    routes,
    tls,
    listeners,
    tcpRoutes,
    services: config["services"] ?? {},
    notes: plain(ended.stderr),
  };
}

const status = (route: unknown) =>
  (route as { respond?: { status: number } } | undefined)?.respond?.status;

test("a server of nginx that wants certificates of clients still does, or is closed", async () => {
  const server = (name: string, more: string) =>
    `server { listen 443 ssl; server_name ${name}; ssl_certificate CERT; ssl_certificate_key KEY; ${more} location / { proxy_pass http://127.0.0.1:1; proxy_set_header Host $host; } }`;
  const sites = [
    "server { listen 80; server_name plain.test; return 204; }",
    server("a.test", "ssl_client_certificate CA; ssl_verify_client on;"),
    server("b.test", "ssl_client_certificate CA; ssl_verify_client optional;"),
    server(
      "c.test",
      "ssl_client_certificate CA; ssl_verify_client optional; if ($ssl_client_verify != SUCCESS) { return 403; }",
    ),
    server("d.test", "ssl_client_certificate CA; ssl_verify_client optional_no_ca;"),
    server("~^e\\d$", "ssl_client_certificate CA; ssl_verify_client on;"),
    server("f.test", "ssl_client_certificate CA; ssl_verify_client on; ssl_ocsp on;"),
    server("g.test", "ssl_verify_client on;"),
    server("open.test", ""),
  ];
  const { routes, tls, notes } = await imported("nginx", sites.join("\n"));
  assert.deepEqual(tls?.["hosts"], {
    "a.test": { clientAuth: { ca: "ca.pem" } },
    "b.test": { clientAuth: { ca: "ca.pem", mode: "request" } },
    "c.test": { clientAuth: { ca: "ca.pem" } },
  });
  for (const name of ["a.test", "b.test", "c.test", "open.test"]) {
    assert.equal(routes[name]?.["redirect"], "https", name);
    assert.equal(status(routes[name]), undefined, name);
  }
  for (const name of ["d.test", "pattern", "f.test", "g.test"]) {
    assert.equal(status(routes[name]), 503, name);
  }
  assert.equal(notes.match(/what it protects is closed/g)?.length, 4, notes);
  assert.equal(tls?.["default"], "default.test", "of the first server at that port");
});

test("the default server of nginx asks for certificates for its names alone, or for all where all do", async () => {
  const lock =
    "ssl_certificate CERT; ssl_certificate_key KEY; ssl_client_certificate CA; ssl_verify_client on;";
  const place = "location / { proxy_pass http://127.0.0.1:1; }";
  const locked = `server { listen 443 ssl default_server; server_name a.test; ${lock} ${place} }`;
  const some = await imported(
    "nginx",
    `${locked} server { listen 443 ssl; server_name b.test; ssl_certificate CERT; ${place} }`,
  );
  assert.equal(some.routes["a.test"]?.["host"], "a.test", "and not everything else");
  assert.match(some.notes, /of names that nobody has no certificate can be asked for/);
  const all = await imported("nginx", locked);
  assert.deepEqual(all.routes["a.test"]?.["host"], ["a.test", "*"]);
  assert.deepEqual(all.listeners?.["secure"]?.["tls"], { clientAuth: { ca: "ca.pem" } });
  const elsewhere = await imported("nginx", locked.replace("CA", "/nowhere/ca.pem"));
  const missing = { clientAuth: { ca: "/nowhere/ca.pem" } };
  assert.deepEqual(elsewhere.listeners?.["secure"]?.["tls"], missing, "it may be put there");
  assert.match(elsewhere.notes, /listeners\.secure\.tls\.clientAuth\.ca: cannot be read/);
});

test("what is there in the clear, or in streams, is not asked for certificates of those beside it", async () => {
  const pair = "ssl_certificate CERT; ssl_certificate_key KEY;";
  const nginx = await imported(
    "nginx",
    `http { server { listen 80; server_name public.test; return 204; }
server { listen 443 ssl; server_name admin.test; ${pair} ssl_client_certificate CA; ssl_verify_client on; return 204; } }
stream { server { listen 993 ssl; ${pair} proxy_pass 127.0.0.1:143; } }`,
    "nginx.conf",
  );
  assert.equal(nginx.tls?.["clientAuth"], undefined);
  assert.deepEqual(nginx.listeners?.["secure"]?.["tls"], { clientAuth: { ca: "ca.pem" } });
  assert.equal(nginx.routes["admin.test"]?.["redirect"], "https");
  const traefik = await imported(
    "traefik",
    `entryPoints: { web: { address: ":80" }, websecure: { address: ":443" } }
http:
  routers:
    public: { rule: "Host(\`public.test\`)", entryPoints: [web], service: s }
    admin: { rule: "Host(\`admin.test\`)", entryPoints: [websecure], service: s, tls: {} }
  services: { s: { loadBalancer: { servers: [{ url: "http://127.0.0.1:1" }] } } }
tls: { options: { default: { clientAuth: { caFiles: [CA], clientAuthType: RequireAndVerifyClientCert } } } }
`,
  );
  assert.equal(traefik.tls?.["clientAuth"], undefined);
  assert.deepEqual(traefik.tls?.["hosts"], { "admin.test": { clientAuth: { ca: "ca.pem" } } });
});

test("of two that ask for different certificates by one name, one is closed", async () => {
  const server = (port: number, verify: string) =>
    `server { listen ${port} ssl; server_name a.test; ssl_certificate CERT; ssl_certificate_key KEY; ssl_client_certificate CA; ssl_verify_client ${verify}; location / { proxy_pass http://127.0.0.1:1; } }`;
  const nginx = await imported("nginx", server(443, "optional") + server(8443, "on"));
  assert.equal(status(nginx.routes["a.test"]), undefined);
  assert.equal(status(nginx.routes["a.test-2"]), 503);
  assert.match(nginx.notes, /another server asks otherwise by the same name; what it protects/);
  const site = (name: string, mode: string) =>
    `${name} {\n\ttls CERT KEY {\n\t\tclient_auth {\n\t\t\tmode ${mode}\n\t\t\ttrusted_ca_cert_file CA\n\t\t}\n\t}\n\treverse_proxy 127.0.0.1:1\n}\n`;
  const sites = site("a.test:8443", "require_and_verify") + site("a.test", "verify_if_given");
  const caddy = await imported("caddy", sites, "Caddyfile");
  assert.deepEqual(caddy.tls?.["hosts"], { "a.test": { clientAuth: { ca: "ca.pem" } } });
  assert.equal(status(caddy.routes["a.test-2"]), 503);
  assert.match(caddy.notes, /another site asks otherwise by the same name: its site is closed/);
});

test("who sends some names to https, and others to one of them, makes room for those that are there", async () => {
  const pair = "ssl_certificate CERT; ssl_certificate_key KEY;";
  const nginx = await imported(
    "nginx",
    `server { listen 80; server_name a.test www.a.test; return 301 https://a.test$request_uri; }
server { listen 443 ssl; server_name a.test; ${pair} location / { proxy_pass http://127.0.0.1:1; } }`,
  );
  const caddy = await imported(
    "caddy",
    "http://a.test, http://www.a.test {\n\tredir https://a.test{uri}\n}\na.test {\n\treverse_proxy 127.0.0.1:1\n}\n",
    "Caddyfile",
  );
  for (const { routes } of [nginx, caddy]) {
    const goals = Object.values(routes).map(({ host, redirect }) => [
      [host].flat().filter((each) => each !== "*"),
      redirect === "https" ? redirect : "elsewhere",
    ]);
    const wanted = [
      [["www.a.test"], "elsewhere"],
      [["a.test"], "https"],
    ];
    assert.deepEqual(goals, wanted, "or https://a.test would lead to itself");
  }
  assert.doesNotMatch(nginx.notes, /it was there by https alone/);
});

test("a TCP router of Traefik that others than those of its names come to is not left without its lock", async () => {
  const { tcpRoutes, notes } = await imported(
    "traefik",
    `entryPoints: { imaps: { address: ":993" } }
tcp:
  routers:
    mail: { rule: "HostSNI(\`m.test\`)", entryPoints: [imaps], service: m, tls: {} }
    named: { rule: "HostSNI(\`a.test\`, \`b.test\`) && ClientIP(\`10.0.0.0/8\`)", entryPoints: [imaps], service: m, tls: { options: mutual } }
    wide: { rule: "HostSNI(\`c.test\`) || ClientIP(\`10.0.0.0/8\`)", entryPoints: [imaps], service: m, tls: { options: mutual } }
  services: { m: { loadBalancer: { servers: [{ address: "127.0.0.1:143" }] } } }
tls: { options: { mutual: { clientAuth: { caFiles: [CA], clientAuthType: RequireAndVerifyClientCert } } } }
`,
  );
  assert.deepEqual(Object.keys(tcpRoutes), ["mail", "named"]);
  assert.match(notes, /the rule names none: it is left out/);
});

test("other words of nginx for TLS have theirs here", async () => {
  const { routes, tls, listeners, tcpRoutes, services, notes } = await imported(
    "nginx",
    `http {
ssl_protocols TLSv1.3;
server { listen 80; listen 443 ssl http2; listen 443 quic; server_name a.test; ssl_certificate CERT; ssl_certificate_key KEY; ssl_session_timeout 1d; ssl_dhparam x;
  if ($scheme = http) { return 301 https://$host$request_uri; }
  location / { proxy_pass https://127.0.0.1:1; proxy_ssl_verify on; proxy_ssl_trusted_certificate CA; proxy_ssl_name b.test; proxy_ssl_certificate CERT; proxy_ssl_certificate_key KEY; } }
server { listen 443 ssl; server_name old.test; ssl_certificate CERT; ssl_certificate_key KEY; ssl_protocols TLSv1 TLSv1.2; return 204; }
server { listen 443 ssl default_server; ssl_reject_handshake on; } }
stream { server { listen 993 ssl; ssl_certificate CERT; ssl_certificate_key KEY; proxy_pass 127.0.0.1:143; }
server { listen 994 ssl; ssl_certificate CERT; ssl_verify_client on; ssl_client_certificate CA; proxy_pass 127.0.0.1:144; } }`,
    "nginx.conf",
  );
  assert.deepEqual(tls, {
    certificates: [{ cert: "cert.pem", key: "key.pem" }],
    strict: true,
    profile: "modern",
    hosts: { "old.test": { profile: "old" } },
  });
  assert.deepEqual(listeners?.["secure"], { bind: ":443", tls: true });
  assert.equal(routes["a.test"]?.["redirect"], "https");
  assert.equal(JSON.stringify(routes["a.test"]?.["host"]), '["a.test","*"]');
  const service = routes["a.test"]?.["service"] as Record<string, unknown>;
  assert.deepEqual(service["tls"], {
    ...{ ca: "ca.pem", serverName: "b.test", cert: "cert.pem", key: "key.pem" },
  });
  assert.deepEqual(Object.keys(tcpRoutes), ["stream-993"]);
  assert.equal(tcpRoutes["stream-993"]?.["tls"], true);
  assert.deepEqual(services, {});
  for (const word of ["quic", "ssl_session_timeout", "ssl_dhparam", "profile: old"]) {
    assert.ok(notes.includes(word), word);
  }
  assert.match(notes, /ssl_verify_client: .* this server is left out/);
});

test("a Caddyfile's sites have TLS unless they say http, as in Caddy", async () => {
  const { routes, tls, listeners, notes } = await imported(
    "caddy",
    `{
	email me@example.org
	acme_ca https://acme-staging-v02.api.letsencrypt.org/directory
	on_demand_tls {
		ask http://127.0.0.1:8000/may
	}
}
a.test {
	reverse_proxy 127.0.0.1:1
	redir /old /new
}
http://a.test {
	redir https://a.test{uri} permanent
}
http://plain.test {
	respond plain
}
localhost, own.local {
	respond inner
}
own.test {
	tls internal
	respond own
}
files.test {
	tls CERT KEY {
		protocols tls1.3
		client_auth {
			mode verify_if_given
			trusted_ca_cert_file CA
		}
	}
	respond files
}
any.test {
	tls {
		client_auth {
			mode request
			trusted_ca_cert_file CA
		}
	}
	respond any
}
*.customers.test {
	tls {
		on_demand
	}
	respond customer
}
`,
    "Caddyfile",
  );
  const kinds = Object.entries(routes).map(([name, { tls: kind }]) => [name, kind]);
  assert.deepEqual(Object.fromEntries(kinds), {
    "a.test/old": "auto",
    "a.test": "auto",
    "plain.test": undefined,
    localhost: "internal",
    "own.test": "internal",
    "files.test": undefined,
    "any.test": "auto",
    "*.customers.test": undefined,
  });
  assert.equal(routes["a.test"]?.["redirect"], "https");
  assert.equal(routes["a.test/old"]?.["forceHttps"], true);
  assert.equal(routes["plain.test"]?.["redirect"], undefined);
  assert.equal(status(routes["any.test"]), 503);
  assert.deepEqual(listeners, { web: ":80", secure: { bind: ":443", tls: true } });
  assert.deepEqual(tls, {
    certificates: [{ cert: "cert.pem", key: "key.pem" }],
    hosts: {
      "files.test": { profile: "modern", clientAuth: { ca: "ca.pem", mode: "request" } },
    },
    acme: {
      email: "me@example.org",
      authority: "letsencrypt-staging",
      onDemand: { hosts: "*.customers.test", ask: "http://127.0.0.1:8000/may" },
    },
  });
  assert.match(notes, /mode request takes certificates that nobody verified: its site is closed/);
});

test("Traefik's entry points, resolvers and options of TLS are carried over, and locks stay locked", async () => {
  const { routes, tls, listeners, tcpRoutes, services, notes } = await imported(
    "traefik",
    `entryPoints:
  web: { address: ":80", http: { redirections: { entryPoint: { to: websecure, scheme: https } } } }
  websecure: { address: ":443", http: { tls: { certResolver: le } } }
  imaps: { address: ":993" }
certificatesResolvers:
  le: { acme: { email: a@b.test, storage: /acme.json, httpChallenge: { entryPoint: web }, keyType: RSA4096 } }
http:
  routers:
    a: { rule: "Host(\`a.test\`)", entryPoints: [websecure], service: s, middlewares: [sts] }
    admin: { rule: "Host(\`admin.test\`)", entryPoints: [websecure], service: sec, tls: { options: mutual } }
    any: { rule: "PathPrefix(\`/\`)", entryPoints: [websecure], service: s, tls: { options: mutual } }
    odd: { rule: "Host(\`odd.test\`)", entryPoints: [websecure], service: s, tls: { options: odd } }
    lost: { rule: "Host(\`lost.test\`)", entryPoints: [websecure], service: s, tls: { options: lost } }
  middlewares: { sts: { headers: { stsSeconds: 60 } } }
  services:
    s: { loadBalancer: { servers: [{ url: "http://127.0.0.1:1" }] } }
    sec: { loadBalancer: { servers: [{ url: "https://127.0.0.1:1" }], serversTransport: t } }
  serversTransports: { t: { rootCAs: [CA], serverName: x.test, peerCertURI: "spiffe://x" } }
tcp:
  routers:
    mail: { rule: "HostSNI(\`m.test\`)", entryPoints: [imaps], service: m, tls: {} }
    shut: { rule: "HostSNI(\`*\`)", entryPoints: [imaps], service: m, tls: { options: mutual } }
  services: { m: { loadBalancer: { servers: [{ address: "127.0.0.1:143" }] } } }
tls:
  certificates: [{ certFile: /c.pem, keyFile: /k.pem }]
  stores: { default: { defaultCertificate: { certFile: CERT, keyFile: KEY } } }
  options:
    default: { minVersion: VersionTLS13 }
    mutual: { minVersion: VersionTLS13, clientAuth: { caFiles: [CA], clientAuthType: RequireAndVerifyClientCert } }
    odd: { clientAuth: { caFiles: [CA], clientAuthType: RequireAnyClientCert } }
`,
  );
  assert.deepEqual(tls, {
    certificates: [
      { cert: "cert.pem", key: "key.pem" },
      { cert: "/c.pem", key: "/k.pem" },
    ],
    default: "default.test",
    profile: "modern",
    hosts: { "admin.test": { clientAuth: { ca: "ca.pem" } } },
    acme: { email: "a@b.test", keyType: "rsa", challenges: ["http-01"] },
  });
  assert.deepEqual(listeners?.["websecure"], { bind: ":443", tls: true });
  assert.deepEqual(routes["a"], {
    rule: 'Host("a.test")',
    hsts: { maxAge: "60s", includeSubDomains: false, preload: false },
    ...{ tls: "auto", redirect: "https", service: "s" },
  });
  assert.equal(routes["admin"]?.["redirect"], "https");
  for (const name of ["any", "odd", "lost"]) assert.equal(status(routes[name]), 503, name);
  assert.deepEqual(services["sec"]?.["tls"], { ca: "ca.pem", serverName: "x.test" });
  assert.deepEqual(Object.keys(tcpRoutes), ["mail"]);
  assert.equal(tcpRoutes["mail"]?.["tls"], true);
  assert.match(notes, /peerCertURI: is not carried over/);
  assert.match(notes, /storage: certificates are had anew/);
});

test("programs that show one certificate to everybody have it shown to everybody", async () => {
  const written: readonly (readonly [program: string, name: string, text: string])[] = [
    [
      "hipache",
      "config.json",
      '{"server": {"https": {"port": 8443, "key": "KEY", "cert": "CERT"}}}',
    ],
    [
      "hipache",
      "config.json",
      '{"https": {"port": 8443, "bind": [{"address": "::", "key": "KEY", "cert": "CERT"}]}}',
    ],
    [
      "proxy-etc",
      "config.js",
      'module.exports = { https: { port: 8443, keyPath: "KEY", certPath: "CERT" } };',
    ],
  ];
  for (const [program, name, text] of written) {
    const { tls, listeners } = await imported(program, text, name);
    assert.deepEqual(listeners?.["secure"], { bind: ":8443", tls: true }, text);
    assert.equal(tls?.["default"], "default.test", text);
    assert.match(JSON.stringify(tls), /"cert":"cert\.pem","key":"key\.pem"/, text);
  }
  const { tls, listeners } = await imported(
    "docker-proxy",
    "DOCKER_PROXY_SSL_PATH=/etc/docker-proxy/certs\n",
    "environment",
  );
  assert.deepEqual(listeners?.["secure"], { bind: ":8443", tls: true });
  assert.deepEqual(tls, { certificates: "/etc/docker-proxy/certs" });
});
