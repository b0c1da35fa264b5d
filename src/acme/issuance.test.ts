import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { eventually, within } from "../../test/harness/barrier.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import { AcmeClient } from "./acme-client.ts";
import { dnsProviderOf } from "./dns/registry.ts";
import { Issuance } from "./issuance.ts";
import { groupId } from "./plan.ts";
import { Proofs } from "./proofs.ts";
import { Vault } from "./vault.ts";

const names = ["a.test"];
const group = { id: groupId(names), names, route: "r", by: "operator", wholes: [] } as const;

/** Looks at the record, and does not like it. */
async function startAuthority() {
  let status = "pending";
  const server = createServer((request, response) => {
    const base = `http://${request.headers.host}`;
    const challenge = { type: "dns-01", token: "abc", url: `${base}/look`, status };
    const answers: Record<string, unknown> = {
      "/dir": Object.fromEntries(
        ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"].map((each) => [
          each,
          `${base}/${each}`,
        ]),
      ),
      "/newAccount": { status: "valid" },
      "/newOrder": {
        ...{ status: "pending", identifiers: [{ type: "dns", value: "a.test" }] },
        ...{ authorizations: [`${base}/authorization`], finalize: `${base}/finalize` },
      },
      "/authorization": {
        ...{ status, identifier: { type: "dns", value: "a.test" }, challenges: [challenge] },
      },
      "/look": challenge,
    };
    if (request.url === "/look") status = "invalid";
    response.setHeader("Replay-Nonce", "abc");
    response.setHeader("Location", `${base}/thing`);
    response.end(JSON.stringify(answers[request.url ?? ""] ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    directory: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/dir`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("a hook that hangs while it removes a record does not hold up the end of the program", async () => {
  await using authority = await startAuthority();
  await using folder = await tempFolder();
  const removing = folder.file("removing");
  const { directory } = authority;
  const common = { directory, who: "the authority", place: "t.yaml:1:1" };
  const account = { state: { keyPem: keyPem(newKey()) }, keep: () => Promise.resolve() };
  const provider = dnsProviderOf({
    kind: "hook",
    command: ["/bin/sh", "-c", `[ "$1" = set ] || { : > ${removing}; exec sleep 60; }`, "hook"],
  });
  const troubles: string[] = [];
  const ending = new AbortController();
  const issuance = new Issuance(
    group,
    {
      ...{ vault: new Vault(new MemoryShelf()), proofs: new Proofs(() => Promise.resolve()) },
      client: new AcmeClient({
        ...{ ...common, trust: undefined },
        account: { ...account, contact: [], termsAgreed: true, binding: undefined },
      }),
      authority: {
        ...{ ...common, ca: undefined, binding: undefined },
        ...{ profile: undefined, preferredChain: undefined },
      },
      ...{ keyType: "ec", challenges: ["dns-01"], replaces: undefined, failures: 0 },
      dns: {
        settings: {
          provider: { kind: "hook", command: [] },
          ...{ resolvers: ["127.0.0.1:1"], wait: 1 },
        },
        provider,
      },
      onStep: () => {},
      onTrouble: (why) => void troubles.push(why),
    },
    ending.signal,
  );
  const run = issuance.run().catch(() => "ended");
  await eventually("it to be removed", () => (existsSync(removing) ? true : undefined));
  ending.abort(new Error("the program ends"));
  assert.equal(await within(run, limits.hookAtEnd + 5000, "its end"), "ended");
  assert.equal(troubles.length, 1);
});
