// gRPC-Web through the real program to a real gRPC server: a client for browsers, and both forms byte by byte.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { after, before, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { eventually } from "../harness/barrier.ts";
import { freePort } from "../harness/free-port.ts";
import { GrpcClient, type GrpcServer, grpcServer } from "../harness/grpc.ts";
import { readWebBody, webClient, webFrame } from "../harness/grpc-web.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

const below = (prefix: string) => `Host("127.0.0.1") && PathPrefix("${prefix}")`;

let server: GrpcServer;
let other: HttpOrigin;
let program: Tidegate;

before(async () => {
  server = await grpcServer({ name: "web" });
  other = await httpOrigin((_request, response) => {
    response.writeHead(503, { "Content-Type": "text/html" });
    response.end("<h1>not now</h1>");
  });
  const service = `h2c://127.0.0.1:${server.port}`;
  const cors = { origins: "https://app.test", methods: "POST", headers: "Content-Type" };
  program = await startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", h2c: true } },
      routes: {
        web: { rule: below("/test.Calls/"), service, middlewares: [{ cors }, { grpcWeb: true }] },
        down: {
          rule: below("/down/"),
          service: `h2c://127.0.0.1:${await freePort()}`,
          middlewares: [{ cors }, { grpcWeb: true }],
        },
        html: { rule: below("/html/"), service: other.url, middlewares: { grpcWeb: true } },
        small: {
          rule: below("/small/"),
          service,
          stripPrefix: "/small",
          middlewares: { grpcWeb: true },
          maxBody: 20,
        },
      },
    },
  });
});

after(async () => {
  await program[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const text = (value: string) => ({ value: Buffer.from(value) });
const base = () => `http://127.0.0.1:${program.port()}`;

test("a client for browsers calls a gRPC server", bounded, async () => {
  const client = webClient(base(), { "X-Text": "seen" });
  const answer = await client.echo(text("hello"));
  assert.equal(Buffer.from(answer.value).latin1Slice(), "hello");
  assert.deepEqual(server.seen.get("x-text"), ["seen"]);
  assert.deepEqual(server.seen.get("content-type"), []);
  const messages: string[] = [];
  for await (const { value } of client.count(text("20 5 0"))) {
    messages.push(Buffer.from(value).latin1Slice());
  }
  assert.deepEqual(
    messages,
    Array.from({ length: 20 }, () => "20 5 0"),
  );
  const large = await client.echo({ value: Buffer.alloc(3_000_000, 7) });
  assert.equal(large.value.length, 3_000_000);
  // Its deadline is everybody's.
  await assert.rejects(client.echo(text("wait 20000"), { timeoutMs: 200 }), /deadline/);
  await eventually("its end", () => Promise.resolve(server.running === 0 || undefined));
});

test("errors are errors to it: the server's, ours, and those of others", bounded, async () => {
  const codeAt = async (path: string) => {
    try {
      await webClient(`${base()}${path}`, {}).echo(text("this is longer than twenty"));
      return "fine";
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      return `${Code[code]} ${rawMessage}`;
    }
  };
  assert.match(await codeAt("/down"), /^Unavailable CONNECT_REFUSED: /);
  assert.match(await codeAt("/html"), /^Unavailable the backend answered 503/);
  assert.match(await codeAt("/nowhere"), /^Unimplemented NO_ROUTE: /);
  assert.match(await codeAt("/small"), /^ResourceExhausted BODY_TOO_LARGE: /);
});

interface Asked {
  readonly method?: string;
  readonly contentType: string;
  readonly body: Buffer | string;
  readonly origin?: string;
}

async function ask(path: string, { contentType, body, origin }: Asked) {
  const answer = await fetch(`${base()}${path}`, {
    method: "POST",
    headers: {
      "Content-Type": contentType,
      "X-Grpc-Web": "1",
      ...(origin === undefined ? {} : { Origin: origin }),
    },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, bytes };
}

test("trailers are the last frame, and nowhere else", bounded, async () => {
  const body = webFrame(Buffer.from("hello"));
  const contentType = "application/grpc-web+proto";
  const { status, headers, bytes } = await ask("/test.Calls/Echo", { contentType, body });
  assert.deepEqual([status, headers.get("content-type")], [200, contentType]);
  assert.equal(headers.get("grpc-status"), null);
  const { messages, trailers } = readWebBody(bytes);
  assert.deepEqual(messages, [Buffer.from("hello")]);
  assert.match(trailers, /^grpc-status: 0\r\n/m);
  assert.match(trailers, /^x-time: now\r\n/m);
  // An answer of trailers alone.
  const failed = await ask("/test.Calls/Fail", { contentType, body: webFrame(Buffer.from("5")) });
  const found = readWebBody(failed.bytes);
  assert.deepEqual(
    [failed.status, failed.headers.get("grpc-status"), found.messages],
    [200, null, []],
  );
  assert.match(
    found.trailers,
    /^grpc-status: 5\r\ngrpc-message: nicht da: 100%20%25|^grpc-status: 5\r\n/,
  );
});

/** Pieces of base64, each of which may be padded. */
function unpacked(body: string): Buffer {
  const pieces = body.match(/[^=]+=*/g) ?? [];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
}

test("the text form is base64 both ways, in pieces", bounded, async () => {
  const contentType = "application/grpc-web-text";
  const frame = webFrame(Buffer.from("hello, world"));
  const whole = frame.toString("base64");
  const cut = `${frame.toString("base64", 0, 4)}${frame.toString("base64", 4, 5)}${frame.toString("base64", 5)}`;
  for (const body of [whole, cut]) {
    const { headers, bytes } = await ask("/test.Calls/Echo", { contentType, body });
    assert.equal(headers.get("content-type"), `${contentType}+proto`);
    const { messages, trailers } = readWebBody(unpacked(bytes.latin1Slice()));
    assert.deepEqual(messages, [Buffer.from("hello, world")]);
    assert.match(trailers, /^grpc-status: 0\r\n/m);
  }
  const down = await ask("/down/test.Calls/Echo", { contentType, body: whole });
  assert.match(readWebBody(unpacked(down.bytes.latin1Slice())).trailers, /^grpc-status: 14\r\n/);
  const bad = await ask("/test.Calls/Echo", { contentType, body: `${whole}!` });
  assert.match(
    readWebBody(unpacked(bad.bytes.latin1Slice())).trailers,
    /^grpc-status: 13\r\ngrpc-message: BAD_GRPC_WEB: /,
  );
});

test("a message goes out when it is there, in the text form too", bounded, async () => {
  const answer = await fetch(`${base()}/test.Calls/Count`, {
    method: "POST",
    headers: { "Content-Type": "application/grpc-web-text" },
    body: webFrame(Buffer.from("3 300 10")).toString("base64"),
  });
  const times: number[] = [];
  let all = "";
  for await (const piece of answer.body!) {
    times.push(performance.now());
    all += Buffer.from(piece).latin1Slice();
  }
  assert.equal(readWebBody(unpacked(all)).messages.length, 3);
  assert.ok(times.length >= 3, String(times.length));
  assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) > 500);
});

test("calls of gRPC itself pass through, and CORS goes with all of it", bounded, async () => {
  using client = new GrpcClient(program.port(), "127.0.0.1");
  assert.equal((await client.echo("plain")).latin1Slice(), "plain");
  const preflight = await fetch(`${base()}/test.Calls/Echo`, {
    method: "OPTIONS",
    headers: { Origin: "https://app.test", "Access-Control-Request-Method": "POST" },
  });
  assert.equal(preflight.status, 204);
  for (const path of ["/test.Calls/Echo", "/down/test.Calls/Echo"]) {
    const { headers } = await ask(path, {
      contentType: "application/grpc-web",
      body: webFrame(Buffer.from("x")),
      origin: "https://app.test",
    });
    assert.equal(headers.get("access-control-allow-origin"), "https://app.test", path);
  }
});

test(
  "over HTTP/2 it is the same, and a client that goes away is gone for the server",
  bounded,
  async () => {
    const session = connect(base());
    const stream = session.request({
      ...{
        ":method": "POST",
        ":path": "/test.Calls/Count",
        "content-type": "application/grpc-web",
      },
    });
    stream.on("error", () => {});
    stream.end(webFrame(Buffer.from("100000 10 10")));
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    assert.equal(head["content-type"], "application/grpc-web+proto");
    await once(stream, "data");
    stream.close(8);
    await eventually("the server to see it", () =>
      Promise.resolve(server.running === 0 || undefined),
    );
    session.destroy();
  },
);
