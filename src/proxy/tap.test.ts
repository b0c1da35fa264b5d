import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { samples, standouts, watching } from "../config/traffic-limits.ts";
import { type ClientSide, Exchange } from "../http/exchange.ts";
import { RequestHead } from "../http/request-head.ts";
import { readSample } from "../traffic/sample.ts";
import { Tap } from "./tap.ts";

const nothing = () => {};
const client: ClientSide = {
  ...{ writeInterim: nothing, writeHead: nothing, writeData: nothing, writeText: nothing },
  ...{ endAnswer: nothing, flush: () => true, pauseRequest: nothing, resumeRequest: nothing },
  ...{ hold: nothing, abort: nothing, closeAfterAnswer: nothing, endTunnel: nothing },
  ...{ finishTunnel: nothing, startTunnel: nothing },
};
const origin = {
  ...{ listener: "web", peerIp: "192.0.2.7", isSecure: false, tls: undefined, localPort: 80 },
  ...{ version: 1, isPeerTrusted: false, forwardedLines: "" },
};

function exchangeOf(path: string, status = 200, lines = ""): Exchange {
  const text = `GET ${path} HTTP/1.1\r\nHost: A.test:80\r\n${lines}\r\n`;
  const head = new RequestHead();
  const limits = { headBytes: 65_536, headerCount: 100, targetBytes: 8192, bareLf: false };
  assert.equal(head.read(text, 0, text.length, limits), undefined);
  const exchange = new Exchange(client, head, origin);
  exchange.status = status;
  exchange.routeName = "a";
  return exchange;
}

function over(tap: Tap, exchange: Exchange): void {
  tap.begin(exchange);
  tap.routed(exchange);
  tap.end(exchange);
}

describe("the tap", () => {
  test("gives what fits once, counts what is too much, and nothing when nobody watches", () => {
    const tap = new Tap();
    over(tap, exchangeOf("/before"));
    assert.deepEqual(tap.watch([{ text: "/x" }]), { entries: [], dropped: 0 });
    over(tap, exchangeOf("/y"));
    for (let at = 0; at < watching.entries + 5; at++) over(tap, exchangeOf(`/x/${at}`));
    const { entries, dropped } = tap.watch([{ text: "/x" }]);
    assert.equal(entries.length, watching.entries);
    assert.equal(dropped, 5);
    assert.equal(entries[0]?.target, "/x/0");
    over(tap, exchangeOf("/x/late"));
    assert.deepEqual(
      tap.watch([]).entries.map(({ target }) => target),
      ["/x/late"],
    );
    over(tap, exchangeOf("/x/later"));
    assert.deepEqual(tap.watch([{}]).entries, []);
  });

  test("knows what is open, and closes it by the name that it gave", () => {
    const tap = new Tap();
    const [one, other] = [exchangeOf("/1"), exchangeOf("/2?token=x")];
    for (const each of [one, other]) tap.begin(each);
    const open = tap.openEntries;
    assert.deepEqual(
      open.map(({ target }) => target),
      ["/1", "/2?token=(not shown)"],
    );
    assert.deepEqual(
      tap.openEntries.map(({ id }) => id),
      open.map(({ id }) => id),
    );
    assert.equal(tap.closing("nobody"), undefined);
    assert.equal(tap.closing(open[1]?.id ?? ""), other.origin);
    assert.deepEqual([one.failure, other.failure], [undefined, "OPERATOR_CLOSED"]);
    tap.end(one);
    tap.end(other);
    assert.deepEqual(tap.openEntries, []);
    assert.equal(tap.closing(open[0]?.id ?? ""), undefined);
  });

  test("keeps what failed and what was slow, so many per second and no more than that", () => {
    const tap = new Tap();
    for (let at = 0; at < standouts.perSecond + 10; at++) over(tap, exchangeOf(`/${at}`, 503));
    assert.equal(tap.standouts.length, standouts.perSecond);
    for (let second = 0; second < 20; second++) {
      tap.refill();
      for (let at = 0; at < standouts.perSecond; at++) over(tap, exchangeOf(`/${second}`, 500));
    }
    assert.equal(tap.standouts.length, standouts.failed);
    tap.refill();
    const slow = exchangeOf("/slow");
    slow.backendMs = standouts.slowerThan + 1;
    over(tap, slow);
    over(tap, exchangeOf("/fast"));
    assert.equal(tap.standouts.at(-1)?.target, "/slow");
  });

  test("keeps heads for rehearsals, without secrets, so many per second and no more than that", () => {
    const tap = new Tap();
    over(tap, exchangeOf("/?token=kept", 200, "Cookie: sid=geheim\r\nAccept: */*\r\n"));
    const sample = readSample(tap.samples.all[0] ?? "");
    assert.equal(sample?.host, "a.test");
    assert.equal(sample?.query, "token=kept");
    assert.deepEqual(sample?.fields, [
      ["host", "A.test:80"],
      ["cookie", ""],
      ["accept", "*/*"],
    ]);
    for (let at = 0; at < 100; at++) over(tap, exchangeOf("/"));
    assert.equal(tap.samples.all.length, samples.perSecond);
    const long = exchangeOf("/", 200, `X-Long: ${"x".repeat(samples.bytes)}\r\n`);
    tap.refill();
    over(tap, long);
    assert.equal(tap.samples.all.length, samples.perSecond);
    for (let second = 0; second < 100; second++) {
      tap.refill();
      for (let at = 0; at < samples.perSecond; at++) over(tap, exchangeOf("/"));
    }
    assert.equal(tap.samples.all.length, samples.heads);
  });
});
