import { ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { needs } from "../../test/harness/needs.ts";
import { readConfig } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { StreamTable } from "./stream-table.ts";

type Route = Record<string, unknown>;

function snapshotOf(tcpRoutes: Record<string, Route>, listener: object = {}): Snapshot {
  const routes = Object.entries(tcpRoutes).map(([name, route]) => [
    name,
    { service: name, ...route },
  ]);
  const services = Object.keys(tcpRoutes).map((name) => [
    name,
    { backends: ["tcp://127.0.0.1:1"] },
  ]);
  const text = JSON.stringify({
    listeners: {
      tcp: { bind: "127.0.0.1:0", protocol: "tcp", ...listener },
      other: { bind: "127.0.0.1:0", protocol: "tcp", service: "fallback" },
    },
    tcpRoutes: Object.fromEntries(routes),
    services: { ...Object.fromEntries(services), fallback: { backends: ["tcp://127.0.0.1:2"] } },
  });
  const { snapshot, problems } = readConfig(text, { file: "t.json", baseFolder: "/" });
  if (snapshot === undefined) throw new Error(problems.map((each) => each.message).join("\n"));
  return snapshot;
}

function tableOf(tcpRoutes: Record<string, Route>, listener: object = {}) {
  const snapshot = snapshotOf(tcpRoutes, listener);
  const settings = snapshot.listeners.find(({ name }) => name === "tcp");
  ok(settings !== undefined);
  return new StreamTable(settings, snapshot);
}

/** @param name undefined = no TLS; "" = TLS without a name */
function find(table: StreamTable, name?: string, protocols: string[] = [], clientIp = "192.0.2.1") {
  const hello = name === undefined ? undefined : { serverName: name, protocols };
  return table.find({ clientIp, hello })?.service;
}

test("an exact name goes before a wildcard, a long wildcard before a short one, a pattern before none", () => {
  const table = tableOf({
    all: { sni: "*" },
    pattern: { rule: "HostSNIRegexp(`^x[0-9]\\.`)" },
    short: { sni: "*.example.com" },
    long: { sni: "*.a.example.com" },
    exact: { sni: "b.a.example.com" },
  });
  strictEqual(find(table, "b.a.example.com"), "exact");
  strictEqual(find(table, "c.a.example.com"), "long");
  strictEqual(find(table, "d.c.a.example.com"), "long");
  strictEqual(find(table, "a.example.com"), "short");
  strictEqual(find(table, "example.com"), "all");
  strictEqual(find(table, "x1.example.net"), "pattern");
  strictEqual(find(table, "x1.example.com"), "short");
  strictEqual(find(table, ""), "all");
  strictEqual(find(table), "all");
});

test("a priority goes before everything, the highest first", () => {
  const table = tableOf({
    exact: { sni: "a.test" },
    low: { sni: "*", priority: 1, clientIp: ["10.0.0.0/8"] },
    high: { sni: "*.test", priority: 2, clientIp: ["10.0.0.0/8"] },
  });
  strictEqual(find(table, "a.test"), "exact");
  strictEqual(find(table, "a.test", [], "10.1.2.3"), "high");
  strictEqual(find(table, "b.example", [], "10.1.2.3"), "low");
});

test("of two routes for one name the one with more conditions goes first", () => {
  const table = tableOf({
    plain: { sni: "a.test" },
    mail: { sni: "a.test", alpn: ["imap"] },
    inside: { sni: "a.test", alpn: ["imap"], clientIp: ["10.0.0.0/8"] },
  });
  strictEqual(find(table, "a.test"), "plain");
  strictEqual(find(table, "a.test", ["h2", "imap"]), "mail");
  strictEqual(find(table, "a.test", ["imap"], "10.0.0.1"), "inside");
});

test("a rule with several names is found under each", () => {
  const table = tableOf({
    wild: { sni: "*.test" },
    both: { rule: "(HostSNI(`a.test`) || HostSNI(`*.b.test`)) && ClientIP(`192.0.2.0/24`)" },
    either: { rule: "HostSNI(`c.test`) || ALPN(`x`)" },
  });
  strictEqual(find(table, "a.test"), "both");
  strictEqual(find(table, "c.b.test"), "both");
  strictEqual(find(table, "a.test", [], "10.0.0.1"), "wild");
  strictEqual(find(table, "c.test"), "either");
  strictEqual(find(table, "d.example", ["x"]), "either");
  strictEqual(find(table, "d.example"), undefined);
});

test("a negation is asked of who speaks no TLS too", () => {
  const table = tableOf({ not: { rule: "!HostSNI(`a.test`)" } });
  strictEqual(find(table, "a.test"), undefined);
  strictEqual(find(table, "b.test"), "not");
  strictEqual(find(table), "not");
});

test("what no route wants goes to the listener's own service, if there is one", () => {
  const routes = { named: { sni: "a.test" } };
  strictEqual(find(tableOf(routes), "b.test"), undefined);
  const table = tableOf(routes, { service: "fallback" });
  strictEqual(find(table, "b.test"), "fallback");
  strictEqual(find(table), "fallback");
  strictEqual(find(table, "a.test"), "named");
});

test("the first bytes are waited for only where somebody asks for them", () => {
  strictEqual(tableOf({}, { service: "fallback" }).needsHello, false);
  strictEqual(tableOf({ all: { sni: "*" } }).needsHello, false);
  strictEqual(tableOf({ inside: { clientIp: ["10.0.0.0/8"] } }).needsHello, false);
  strictEqual(tableOf({ named: { sni: "a.test" } }).needsHello, true);
  strictEqual(tableOf({ mail: { alpn: ["imap"] } }).needsHello, true);
  strictEqual(tableOf({ not: { rule: "!HostSNI(`a.test`)" } }).needsHello, true);
  const elsewhere = { named: { sni: "a.test", listener: "other" } };
  strictEqual(tableOf(elsewhere, { service: "fallback" }).needsHello, false);
});

test("routes of other listeners are not there", () => {
  const table = tableOf({
    here: { sni: "a.test", listener: ["tcp"] },
    there: { sni: "b.test", listener: "other" },
  });
  strictEqual(find(table, "a.test"), "here");
  strictEqual(find(table, "b.test"), undefined);
});

test(
  "a route with TLS is for clients that speak it, and names what it shows in the same way each time",
  { skip: needs("openssl") },
  async () => {
    const { cert: certificate, key } = await certificates("a.test");
    const snapshot = snapshotOf({ ended: { sni: "*" }, plain: { sni: "*" } });
    const [first, second] = snapshot.streamRoutes;
    const [settings] = snapshot.listeners;
    ok(first !== undefined && second !== undefined && settings !== undefined);
    const streamRoutes = [{ ...first, tls: { own: { certificate, key } } }, second];
    const table = new StreamTable(settings, { ...snapshot, streamRoutes });
    strictEqual(table.needsHello, true);
    strictEqual(find(table), "plain");
    const hello = { serverName: "", protocols: [] };
    const found = table.find({ clientIp: "", hello });
    strictEqual(found?.service, "ended");
    const next = new StreamTable(settings, { ...snapshot, streamRoutes });
    strictEqual(next.find({ clientIp: "", hello })?.tls?.own?.key, found.tls?.own?.key);
  },
);

test("a thousand names cost as much as one", () => {
  const cost = (count: number) => {
    const names = Array.from({ length: count }, (_, index) => [
      `n${index}`,
      { sni: `n${index}.test` },
    ]);
    const table = tableOf(Object.fromEntries(names));
    const subject = {
      clientIp: "192.0.2.1",
      hello: { serverName: `n${count - 1}.test`, protocols: [] },
    };
    const time = () => {
      const started = performance.now();
      for (let round = 0; round < 50_000; round++) table.find(subject);
      return performance.now() - started;
    };
    time();
    return Math.min(time(), time(), time());
  };
  const [one, thousand] = [cost(1), cost(1000)];
  ok(thousand < 8 * one, `${thousand} ms against ${one}`);
});
