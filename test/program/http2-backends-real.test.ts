// Other people's servers as backends that speak HTTP/2: nginx, which ends a connection after so many requests, and HAProxy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chmod, writeFile } from "node:fs/promises";
import { ask } from "../harness/ask.ts";
import { freePort } from "../harness/free-port.ts";
import { issued, issuer, trustedRoot } from "../harness/issued.ts";
import { needs } from "../harness/needs.ts";
import { startNginx } from "../harness/real-proxy.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

async function load(port: number, name: string, count: number, method: string) {
  const found = new Map<string, number>();
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const { status, body } = await ask(port, { name, method, body: "some form" });
      const key = status === 200 ? body : `${status} ${body}`;
      found.set(key, (found.get(key) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
  return Object.fromEntries(found);
}

test(
  "nginx, in the clear and over TLS: no request is lost when it ends connections",
  { ...bounded, skip: needs("nginx") },
  async () => {
    await using folder = await tempFolder();
    const { cert, key } = issued(["127.0.0.1"]);
    const files = { "cert.pem": `${cert}${issuer}`, "key.pem": key, "ca.pem": trustedRoot };
    for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
    // Another user reads it there.
    await chmod(folder.path, 0o755);
    const clear = await freePort();
    const secure = await freePort();
    const settings = [
      "keepalive_requests 40; http2_max_concurrent_streams 4;",
      'location / { return 200 "$server_protocol $request_method"; }',
    ].join(" ");
    await using _nginx = await startNginx(
      `server { listen 127.0.0.1:${clear} http2; ${settings} }
     server { listen 127.0.0.1:${secure} ssl http2; ssl_certificate ${folder.file("cert.pem")};
              ssl_certificate_key ${folder.file("key.pem")}; ${settings} }`,
      clear,
    );
    await using program = await startTidegate({
      config: {
        listeners: { web: { bind: "127.0.0.1:0" } },
        routes: {
          "clear.test": `h2c://127.0.0.1:${clear}`,
          "secure.test": {
            service: {
              backends: [`https://127.0.0.1:${secure}`],
              tls: { ca: folder.file("ca.pem") },
            },
          },
        },
      },
    });
    for (const name of ["clear.test", "secure.test"]) {
      for (const method of ["PUT", "POST"]) {
        const found = await load(program.port(), name, 600, method);
        assert.deepEqual(found, { [`HTTP/2.0 ${method}`]: 600 }, name);
      }
    }
  },
);
