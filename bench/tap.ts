// Claim: that operators may look at single requests costs each request less than 0.2 µs while nobody does, the heads
// that are kept for rehearsals included. `node bench/tap.ts` prints the median of seven runs; it takes some seconds.

import { Exchange, type ClientSide } from "../src/http/exchange.ts";
import { RequestHead } from "../src/http/request-head.ts";
import { Tap } from "../src/proxy/tap.ts";

const perRun = 1_000_000;
const runs = 7;
/** Requests between two refills: one second of a worker that carries so many. */
const perSecond = 20_000;

const text =
  "GET /static/img/logo.png?v=12 HTTP/1.1\r\nHost: www.example.com\r\n" +
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
  "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: de,en;q=0.5\r\n" +
  "Accept-Encoding: gzip, deflate, br\r\nCookie: sid=0123456789abcdef; theme=dark\r\n\r\n";
const limits = { headBytes: 65_536, headerCount: 100, targetBytes: 8192, bareLf: false };
const head = new RequestHead();
head.read(text, 0, text.length, limits);

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
const exchange = new Exchange(client, head, origin);
exchange.status = 200;
exchange.routeName = "www.example.com";

function measure(prepare: (tap: Tap) => void): number {
  const results = Array.from({ length: runs + 1 }, () => {
    const tap = new Tap();
    prepare(tap);
    const begin = process.hrtime.bigint();
    for (let count = 0; count < perRun; count++) {
      if (count % perSecond === 0) tap.refill();
      tap.begin(exchange);
      tap.routed(exchange);
      tap.end(exchange);
    }
    return Number(process.hrtime.bigint() - begin) / perRun;
  });
  // The first one only warms up.
  return results.slice(1).toSorted((a, b) => a - b)[runs >> 1] ?? Number.NaN;
}

console.log("                     ns per request (median)");
console.log(`nobody watches       ${measure(nothing).toFixed(0)}`);
console.log(
  `somebody, another    ${measure((tap) => void tap.watch([{ route: "x" }])).toFixed(0)}`,
);
