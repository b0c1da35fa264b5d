import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, routeLines, translated } from "../../../test/harness/translated.ts";
import type { Given } from "../../../test/harness/translated.ts";

type Env = Readonly<Record<string, string>>;

const of = (env: Env, more: Partial<Given> = {}) => translated([{ name: "web", env, ...more }]);
const private4 =
  "(ClientIP(`127.0.0.0/8`) || ClientIP(`10.0.0.0/8`) || ClientIP(`192.168.0.0/16`) || ClientIP(`172.16.0.0/12`))";

const tables: readonly (readonly [string, Env, readonly string[]])[] = [
  [
    "hosts in all their forms",
    { VIRTUAL_HOST: "a.test, *.b.test,c.*,~^x\\d+\\.test$" },
    [
      "--x-d--.test-@docker: HostRegexp(`(?i)^x\\d+\\.test$`) → http://172.18.0.2:80",
      "-.b.test@docker: Host(`*.b.test`) → http://172.18.0.2:80",
      "a.test@docker: Host(`a.test`) → http://172.18.0.2:80",
      "c.-@docker: HostRegexp(`^c\\..+$`) → http://172.18.0.2:80",
    ],
  ],
  [
    "port and protocol",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PORT: "8443", VIRTUAL_PROTO: "https" },
    ["a.test@docker: Host(`a.test`) → https://172.18.0.2:8443"],
  ],
  [
    "a path is a plain prefix, as a location of nginx",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PATH: "/app" },
    ["a.test-app@docker: Host(`a.test`) && PathPrefix(`/app`) → http://172.18.0.2:80"],
  ],
  [
    "a destination takes the place of the path, and a slash is added first",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PATH: "/app/", VIRTUAL_DEST: "/" },
    [
      "a.test-app-@docker: Host(`a.test`) && (PathPrefix(`/app/`) || Path(`/app`)) → " +
        "redirectMatch ^(https?:\\/\\/[^/?]+\\/app)(\\?.*|)$ $1/$2 301 → " +
        "replacePath ^\\/app\\/ / → http://172.18.0.2:80",
    ],
  ],
  [
    "an exact path, and a pattern",
    { VIRTUAL_HOST_MULTIPORTS: '{"a.test": {"= /x": {"port": 1}, "~ ^/(y|z)/": {"port": 2}}}' },
    [
      "a.test---x@docker: Host(`a.test`) && Path(`/x`) → http://172.18.0.2:1",
      "a.test-----y-z--@docker: Host(`a.test`) && PathRegexp(`^/(y|z)/`) → http://172.18.0.2:2",
    ].toSorted(),
  ],
  [
    "several ports",
    {
      VIRTUAL_HOST: "ignored.test",
      VIRTUAL_HOST_MULTIPORTS:
        "www.a.test:\na.test:\n  /:\n    port: 8000\n  /foo:\n    port: 9000\n    dest: /\n",
    },
    [
      "a.test-foo@docker: Host(`a.test`) && PathPrefix(`/foo`) → replacePath ^\\/foo / → http://172.18.0.2:9000",
      "a.test@docker: Host(`a.test`) → http://172.18.0.2:8000",
      "www.a.test@docker: Host(`www.a.test`) → http://172.18.0.2:80",
    ],
  ],
  [
    "from inside only, and by https only",
    { VIRTUAL_HOST: "a.test", NETWORK_ACCESS: "internal", HTTPS_METHOD: "nohttp" },
    [`a.test@docker: Host(\`a.test\`) && ${private4} → forceHttps 308 → http://172.18.0.2:80`],
  ],
  [
    "to https as nginx-proxy does it",
    { VIRTUAL_HOST: "a.test", HTTPS_METHOD: "redirect" },
    ["a.test@docker: Host(`a.test`) → forceHttps 308 → http://172.18.0.2:80"],
  ],
  [
    "what is not spoken is closed",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PROTO: "scgi" },
    ["a.test@docker: Host(`a.test`) → respond 503"],
  ],
  [
    "gRPC is spoken in HTTP/2",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PROTO: "grpc", VIRTUAL_PORT: "50051" },
    ["a.test@docker: Host(`a.test`) → h2c://172.18.0.2:50051"],
  ],
  [
    "over TLS too",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PROTO: "GRPCS", VIRTUAL_PORT: "8443" },
    ["a.test@docker: Host(`a.test`) → grpcs://172.18.0.2:8443"],
  ],
  [
    "programs are asked in their own words",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PROTO: "fastcgi", VIRTUAL_ROOT: "/srv/app" },
    ["a.test@docker: Host(`a.test`) → fastcgi://172.18.0.2:80"],
  ],
  [
    "and so is uwsgi",
    { VIRTUAL_HOST: "a.test", VIRTUAL_PROTO: "uwsgi", VIRTUAL_PORT: "3031" },
    ["a.test@docker: Host(`a.test`) → uwsgi://172.18.0.2:3031"],
  ],
  [
    "who may come and is not understood comes not at all",
    { VIRTUAL_HOST: "a.test", NETWORK_ACCESS: "vpn" },
    ["a.test@docker: Host(`a.test`) → respond 503"],
  ],
];

for (const [what, env, routes] of tables) {
  test(`the environment of nginx-proxy becomes routes: ${what}`, () => {
    assert.deepEqual(routeLines(of(env)), routes);
  });
}

test("the port is the only one that is exposed, else 80", () => {
  const ports = (...all: number[]) => ({
    exposed: all.map((port) => ({ port, protocol: "tcp" as const })),
  });
  const env = { VIRTUAL_HOST: "a.test" };
  assert.match(routeLines(of(env, ports(3000))).join(), /:3000$/);
  assert.match(routeLines(of(env, ports(3000, 4000))).join(), /:80$/);
  assert.match(routeLines(of(env, ports())).join(), /:80$/);
});

test("containers with one host and path are balanced, whatever they are called", () => {
  const found = translated([
    { name: "a", env: { VIRTUAL_HOST: "x.test" }, addresses: [{ ip: "10.0.0.1", network: "" }] },
    {
      name: "b",
      env: { VIRTUAL_HOST: "x.test,y.test" },
      addresses: [{ ip: "fd00::2", network: "" }],
    },
  ]);
  assert.deepEqual(routeLines(found), [
    "x.test@docker: Host(`x.test`) → http://10.0.0.1:80 http://[fd00::2]:80",
    "y.test@docker: Host(`y.test`) → http://[fd00::2]:80",
  ]);
});

test("labels of nginx-proxy say how it is balanced; a certificate of clients closes", () => {
  const prefix = "com.github.nginx-proxy.nginx-proxy.";
  const env = { VIRTUAL_HOST: "a.test" };
  const labels = { [`${prefix}loadbalance`]: "least_conn;", [`${prefix}keepalive`]: "64" };
  const service = of(env, { labels }).discovery.services["a.test@docker"];
  assert.ok(service?.kind === "backends");
  assert.deepEqual(service.balance, { policy: "least-connections" });
  assert.equal(service.pool.maxIdle, 64);
  const shut = of(env, { labels: { [`${prefix}ssl_verify_client`]: "on" } });
  assert.deepEqual(routeLines(shut), ["a.test@docker: Host(`a.test`) → respond 503"]);
});

test("a certificate is asked for where its variable names the host, and nowhere else", () => {
  const asking = (env: Env) =>
    of({ VIRTUAL_HOST: "a.test,b.test", ...env })
      .discovery.routes.map(({ item }) => `${item.name} ${item.tls}`)
      .toSorted();
  assert.deepEqual(asking({ LETSENCRYPT_HOST: "A.test, c.test" }), [
    "a.test@docker auto",
    "b.test@docker undefined",
  ]);
  assert.deepEqual(asking({ ACME_HOST: "b.test" }), [
    "a.test@docker undefined",
    "b.test@docker auto",
  ]);
  assert.deepEqual(asking({ VIRTUAL_HOST: "~^x$", LETSENCRYPT_HOST: "~^x$" }), [
    "--x-@docker undefined",
  ]);
});

test("what cannot be read is named by its variable", () => {
  const lines = (env: Env) => noteLines(of({ VIRTUAL_HOST: "a.test", ...env })).join("\n");
  assert.match(lines({ VIRTUAL_PORT: "http" }), /^error VIRTUAL_PORT: "http" is not a port/);
  assert.match(lines({ VIRTUAL_PATH: "app" }), /^error VIRTUAL_PATH: "app" is not a path/);
  assert.match(lines({ VIRTUAL_HOST: "a b" }), /^error VIRTUAL_HOST: "a b" is no host name/);
  assert.match(lines({ VIRTUAL_HOST_MULTIPORTS: "[1]" }), /^error VIRTUAL_HOST_MULTIPORTS: /m);
  assert.match(lines({ VIRTUAL_HOST_MULTIPORTS: "a: b: c" }), /^error VIRTUAL_HOST_MULTIPORTS: /m);
  assert.match(
    lines({ CERT_NAME: "a.test" }),
    /^info CERT_NAME: certificates are found by the names in them/,
  );
  const bomb = `a: &a [${"x,".repeat(50)}]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(50)}]`;
  assert.match(lines({ VIRTUAL_HOST_MULTIPORTS: bomb }), /^error VIRTUAL_HOST_MULTIPORTS: /m);
});
