// What is explained is what happens: the same requests are explained and sent, to routes of all kinds.

import { deepStrictEqual, ok } from "node:assert";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import type { Explanation } from "../../src/explain/explanation.ts";
import { readExplanation } from "../../src/admin/api/explain-schema.ts";
import { ask, field } from "../harness/ask.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

interface Sent {
  readonly method: string;
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function explained(program: Tidegate, { method, name, path, headers }: Sent) {
  const text = JSON.stringify({
    ...{ method, url: `http://${name}:${program.port()}${path}`, from: "127.0.0.1" },
    headers: [["Host", name], ...Object.entries(headers)],
  });
  const outgoing = request({
    socketPath: program.control,
    ...{ path: "/api/v1/explain", method: "POST", agent: false },
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
  });
  outgoing.end(text);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let said = "";
  for await (const chunk of response) said += String(chunk);
  return readExplanation(JSON.parse(said));
}

/** What a client would see of it. */
function promised({ answer, path, route }: Explanation) {
  const base = route?.service === "based" ? "/base" : "";
  return answer === null
    ? { status: 200, location: "", saw: `${base}${path}` }
    : { status: answer.status, location: answer.location ?? "", saw: "" };
}

const routes = {
  "a.test": { service: "plain" },
  "*.a.test": { service: "based", priority: -1 },
  "a.test/api": { service: "based", stripPrefix: true },
  "a.test/api/v1": { service: "plain", methods: ["GET"], addPrefix: "/new" },
  beta: { host: "a.test", path: "/api", headers: { "X-Beta": "1" }, respond: { status: 418 } },
  late: { rule: "PathPrefix(`/late`) && !Method(`POST`)", service: "plain", priority: 9 },
  "b.test": { redirect: "https://a.test{uri}" },
  "b.test/safe": { service: "plain", forceHttps: true },
  "c.test": { service: "kept" },
  "d.test": { service: "plain", maintenance: { allow: ["203.0.113.0/24"] } },
  "e.test": {
    service: "plain",
    maxBody: "10B",
    replacePath: { pattern: "^/(\\w+)/(.*)$", replacement: "/$2/$1" },
    middlewares: [{ ipRules: { deny: "203.0.113.9", status: 404 } }, { redirectHost: "e.test" }],
  },
};

const names = ["a.test", "x.a.test", "A.Test.", "b.test", "c.test", "d.test", "e.test", "f.test"];
const paths = ["/", "/api", "/api/v1/x?y=1", "//api//v1", "/%61pi/%2f", "/x/../late/z", "/safe"];
const ways: readonly Pick<Sent, "method" | "headers">[] = [
  { method: "GET", headers: {} },
  { method: "POST", headers: { "X-Beta": "1" } },
  { method: "GET", headers: { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" } },
];

test("what is explained is what happens", { timeout: 120_000 }, async () => {
  await using origin = await httpOrigin((asked, response) => {
    response.setHeader("X-Saw", asked.url?.replace(/\?.*/, "") ?? "").end("ok");
  });
  await using program = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] } },
      routes,
      services: {
        plain: origin.url,
        based: `${origin.url}/base`,
        kept: { backends: [origin.url], maintenance: { allow: ["127.0.0.1"] } },
      },
    },
  });
  const outcomes = new Set<number>();
  for (const name of names) {
    for (const path of paths) {
      for (const way of ways) {
        const sent = { ...way, name, path };
        const told = await explained(program, sent);
        ok(told !== undefined && told.fault === null, JSON.stringify(told));
        const answer = await ask(program.port(), sent);
        const seen = {
          status: answer.status,
          location: field(answer, "location"),
          saw: field(answer, "x-saw"),
        };
        deepStrictEqual(seen, promised(told), JSON.stringify(sent));
        outcomes.add(answer.status);
      }
    }
  }
  deepStrictEqual(
    [...outcomes].toSorted((a, b) => a - b),
    [200, 302, 308, 404, 418, 503],
  );
});
