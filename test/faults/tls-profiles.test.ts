// The named profiles, as clients of each age meet them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type ConnectionOptions, type SecureVersion } from "node:tls";
import { within } from "../harness/barrier.ts";
import { type Plane, startPlane } from "./plane.ts";
import { certificateFor, credentialsOf } from "./tls-credentials.ts";

const versions: readonly SecureVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** The version and suite that are agreed on, or "refused". */
async function agreed(plane: Plane, options: ConnectionOptions): Promise<string> {
  const socket = connect({
    ...{ port: plane.port, host: "127.0.0.1", servername: "a.test", rejectUnauthorized: false },
    ...options,
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on("error", () => resolve("refused")).on("close", () => resolve("refused"));
  socket.on("secureConnect", () => {
    resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
  });
  const result = await within(promise, 5000, "the handshake");
  socket.destroy();
  return result;
}

for (const [profile, spoken] of [
  ["modern", ["TLSv1.3"]],
  ["intermediate", ["TLSv1.2", "TLSv1.3"]],
  ["old", versions],
] as const) {
  test(`${profile} speaks ${spoken.join(", ")}, and all of it with forward secrecy first`, async () => {
    const config = {
      listeners: { web: { bind: "127.0.0.1:0", tls: { profile } } },
      routes: { "*": { respond: { body: "hello" } } },
    };
    const both = [certificateFor(["a.test"]), certificateFor(["a.test"], { kind: "rsa" })];
    await using plane = await startPlane(config, credentialsOf(both));
    for (const version of versions) {
      const only = { minVersion: version, maxVersion: version };
      const said = await agreed(plane, { ...only, ciphers: "ALL:@SECLEVEL=0" });
      const isSpoken = (spoken as readonly SecureVersion[]).includes(version);
      const pattern = new RegExp(`^${version} (ECDHE-|TLS_)`);
      assert.match(said, isSpoken ? pattern : /^refused$/, version);
    }
    const rsaOnly = { maxVersion: "TLSv1.2", ciphers: "AES128-SHA:@SECLEVEL=0" } as const;
    const withoutSecrecy = await agreed(plane, rsaOnly);
    assert.match(withoutSecrecy, profile === "old" ? /AES128-SHA/ : /^refused$/);
    // What is recorded today cannot be read with a quantum computer of later days; who knows nothing of it is served, too.
    for (const ecdhCurve of ["X25519MLKEM768", "X25519", "P-256", "P-384"]) {
      assert.match(await agreed(plane, { ecdhCurve }), /^TLSv1\.3 /, ecdhCurve);
    }
    assert.equal(await agreed(plane, { ecdhCurve: "P-521" }), "refused");
    await plane.assertNothingLeft();
  });
}
