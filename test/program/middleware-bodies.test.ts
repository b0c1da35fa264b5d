// Bodies that are compressed, unpacked, rewritten and bounded by the real program: whole, streamed, hostile, and given up halfway.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as ask,
  type RequestListener,
} from "node:http";
import { after, before, test } from "node:test";
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

const html = "<p>Hello, dear reader of <b>http://inside.test/</b></p>\n".repeat(400);
const large = html.repeat(40);

/** Set by a test that wants another answer. */
let answer: RequestListener | undefined;
/** Of the last request that the backend got whole. */
let seen: { readonly headers: IncomingHttpHeaders; readonly body: Buffer } | undefined;

const plain: RequestListener = (request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (bytes: Buffer) => pieces.push(bytes));
  request.on("end", () => {
    seen = { headers: request.headers, body: Buffer.concat(pieces) };
    if (answer !== undefined) {
      answer(request, response);
      return;
    }
    const body = request.url === "/large" ? large : html;
    response.writeHead(200, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      ETag: '"one"',
      "Accept-Ranges": "bytes",
    });
    response.end(body);
  });
};

let back: HttpOrigin;
let program: Tidegate;

before(async () => {
  back = await httpOrigin(plain);
  const service = back.url;
  const rules = [
    { text: "http://inside.test/", replace: "https://{host}/" },
    { pattern: "<(/?)b>", replace: "<$1i>" },
  ];
  program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        "zip.test": { service, middlewares: ["compress"] },
        "unzip.test": { service, middlewares: ["decompress"], maxBody: "1MiB" },
        "edit.test": { service, middlewares: [{ rewriteBody: { rules } }] },
        "all.test": {
          service,
          middlewares: { compress: true, rewriteBody: { rules }, decompress: true },
        },
        "limit.test": {
          service,
          middlewares: [{ bodyLimit: { request: "10KiB", answer: "100KiB" } }],
        },
      },
    },
  });
});

after(async () => {
  await program[Symbol.asyncDispose]();
  await back[Symbol.asyncDispose]();
});

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly isWhole: boolean;
}

/** A request of its own connection. */
async function get(host: string, asked: Asked = {}): Promise<Got> {
  const { path = "/", method = asked.body === undefined ? "GET" : "POST", headers = {} } = asked;
  const sent = ask({
    port: program.port(),
    host: "127.0.0.1",
    path,
    method,
    agent: false,
    headers: { Host: host, ...headers },
  });
  sent.on("error", () => {});
  sent.end(asked.body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const pieces: Buffer[] = [];
  response.on("data", (bytes: Buffer) => pieces.push(bytes));
  response.on("error", () => {});
  await new Promise((resolve) => response.once("close", resolve));
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(pieces),
    isWhole: response.complete,
  };
}

async function answering<T>(listener: RequestListener, work: () => Promise<T>): Promise<T> {
  answer = listener;
  try {
    return await work();
  } finally {
    answer = undefined;
  }
}

const unpack = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;

for (const [coding, undo] of Object.entries(unpack)) {
  test(`compress: ${coding}, whole and as it comes`, bounded, async () => {
    for (const [path, text] of [
      ["/", html],
      ["/large", large],
    ] as const) {
      const got = await get("zip.test", { path, headers: { "Accept-Encoding": coding } });
      assert.equal(got.headers["content-encoding"], coding);
      assert.equal(got.headers["vary"], "Accept-Encoding");
      assert.equal(got.headers["etag"], 'W/"one"');
      assert.equal(got.headers["accept-ranges"], undefined);
      assert.equal(got.headers["content-length"], undefined);
      assert.ok(got.body.length < text.length / 10, `${got.body.length} bytes`);
      assert.ok(undo(got.body).equals(Buffer.from(text)));
      const head = await get("zip.test", {
        path,
        method: "HEAD",
        headers: { "Accept-Encoding": coding },
      });
      assert.equal(head.headers["content-encoding"], coding);
      assert.equal(head.headers["etag"], 'W/"one"');
      assert.equal(head.headers["content-length"], undefined);
    }
  });
}

test("compress: whoever does not take it gets the plain one, with Vary", bounded, async () => {
  for (const accept of ["", "identity", "gzip;q=0", "compress"]) {
    const got = await get("zip.test", { headers: { "Accept-Encoding": accept } });
    assert.equal(got.headers["content-encoding"], undefined);
    assert.equal(got.headers["vary"], "Accept-Encoding");
    assert.equal(got.headers["etag"], '"one"');
    assert.equal(got.body.toString(), html);
  }
  const both = await get("zip.test", { headers: { "Accept-Encoding": "gzip, br;q=0.9" } });
  assert.equal(both.headers["content-encoding"], "gzip");
});

for (const [why, status, fields, text] of [
  ["packed already", 200, { "Content-Encoding": "x" }, html],
  ["no-transform", 200, { "Cache-Control": "public, no-transform" }, html],
  ["a part", 206, { "Content-Range": "bytes 0-9/99" }, html],
  ["an image", 200, { "Content-Type": "image/png" }, html],
  ["gRPC", 200, { "Content-Type": "application/grpc+json" }, html],
  ["small", 200, {}, "small"],
] as const) {
  test(`compress: ${why} stays as it is`, bounded, async () => {
    const given = { "Content-Type": "text/html", ETag: '"one"', ...fields };
    const headers = { "Accept-Encoding": "gzip" };
    const got = await answering(
      (_, response) => response.writeHead(status, given).end(text),
      // A length that is not told would make a small one like any other.
      () => get("zip.test", { headers }),
    );
    if (why === "small") return;
    assert.equal(got.headers["etag"], '"one"');
    assert.equal(got.body.toString(), text);
  });
}

test("compress: a 304 agrees with the tag that the client has", bounded, async () => {
  const headers = { "Accept-Encoding": "gzip", "If-None-Match": 'W/"one"' };
  const got = await answering(
    (_, response) => response.writeHead(304, { ETag: '"one"' }).end(),
    () => get("zip.test", { headers }),
  );
  assert.equal(got.headers["etag"], 'W/"one"');
});

test("compress: events arrive one by one", bounded, async () => {
  for (const [coding, undo] of Object.entries(unpack)) {
    let send = (_text: string): void => {};
    let end = (): void => {};
    const listener: RequestListener = (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
      send = (text) => void response.write(text);
      end = () => void response.end();
    };
    await answering(listener, async () => {
      const client = await connect(program.port());
      await client.send(
        `GET / HTTP/1.1\r\nHost: zip.test\r\nAccept-Encoding: ${coding}\r\nConnection: close\r\n\r\n`,
      );
      await client.waitHeadOrClose();
      let length = client.pending.length;
      for (let count = 0; count < 5; count++) {
        send(`data: event ${count}\n\n`);
        await eventually(
          `event ${count} as ${coding}`,
          () => client.pending.length > length + 5 || undefined,
        );
        length = client.pending.length;
      }
      end();
      const { body } = await client.readResponse();
      assert.match(undo(Buffer.from(body, "latin1")).toString(), /event 0\n\n[^]*event 4\n\n$/);
      await client[Symbol.asyncDispose]();
    });
  }
});

test("compress: a short body that takes its time is not waited for", bounded, async () => {
  let finish = (): void => {};
  const listener: RequestListener = (_, response) => {
    const head = { "Content-Type": "text/html", "Content-Length": html.length };
    response.writeHead(200, head).write(html.slice(0, 9000));
    finish = () => void response.end(html.slice(9000));
  };
  await answering(listener, async () => {
    await using client = await connect(program.port());
    await client.send(
      "GET / HTTP/1.1\r\nHost: zip.test\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
    );
    await eventually("its first part", () => /\r\n\r\n./s.test(client.pending) || undefined);
    finish();
    const { body } = await client.readResponse();
    assert.equal(gunzipSync(Buffer.from(body, "latin1")).toString(), html);
  });
});

test("compress: ten thousand tiny chunks", bounded, async () => {
  const listener: RequestListener = (_, response) => {
    response.writeHead(200, { "Content-Type": "text/plain" });
    for (let count = 0; count < 10_000; count++) response.write(`${count},`);
    response.end();
  };
  await answering(listener, async () => {
    const { body } = await get("zip.test", { headers: { "Accept-Encoding": "gzip" } });
    const numbers = Array.from({ length: 10_000 }, (_, count) => `${count},`).join("");
    assert.equal(gunzipSync(body).toString(), numbers);
  });
});

test("compress: clients that leave halfway, a thousand times, leave nothing", bounded, async () => {
  const open = new Set<object>();
  const listener: RequestListener = (_, response) => {
    open.add(response);
    response.on("close", () => open.delete(response));
    response.writeHead(200, { "Content-Type": "text/plain" }).write(large.slice(0, 100_000));
  };
  await answering(listener, async () => {
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 50 }, () => connect(program.port())));
      await Promise.all(
        clients.map(async (client) => {
          await client.send("GET / HTTP/1.1\r\nHost: zip.test\r\nAccept-Encoding: gzip\r\n\r\n");
          await client.waitHeadOrClose();
          client.reset();
        }),
      );
    }
    await eventually("the backend to be left alone", () => open.size === 0 || undefined);
  });
  // The thousand would be the most that are compressed at once, had any been kept.
  const got = await get("zip.test", { path: "/large", headers: { "Accept-Encoding": "gzip" } });
  assert.equal(got.headers["content-encoding"], "gzip");
});

test("compress: a backend that dies in the middle is seen", bounded, async () => {
  for (const length of [html.length, large.length]) {
    const listener: RequestListener = (_, response) => {
      response.writeHead(200, { "Content-Type": "text/html", "Content-Length": length });
      response.write(html.slice(0, 9000), () => setTimeout(() => response.destroy(), 20));
    };
    const got = await answering(listener, () =>
      get("zip.test", { headers: { "Accept-Encoding": "gzip" } }),
    );
    assert.equal(got.isWhole, false);
  }
});

const pack = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  deflate: deflateSync,
} as const;

for (const [coding, make] of Object.entries(pack)) {
  test(`decompress: requests and answers of ${coding}`, bounded, async () => {
    const body = make(Buffer.from(html));
    await get("unzip.test", { body, headers: { "Content-Encoding": coding } });
    assert.equal(seen?.body.toString(), html);
    assert.equal(seen.headers["content-encoding"], undefined);
    assert.equal(seen.headers["transfer-encoding"], "chunked");
    const listener: RequestListener = (_, response) =>
      void response
        .writeHead(200, {
          "Content-Encoding": coding,
          ETag: '"one"',
          "Content-Length": body.length,
        })
        .end(body);
    await answering(listener, async () => {
      const got = await get("unzip.test");
      assert.equal(got.body.toString(), html);
      assert.equal(got.headers["content-encoding"], undefined);
      assert.equal(got.headers["etag"], 'W/"one"');
      assert.equal(got.headers["vary"], "Accept-Encoding");
      const taken = await get("unzip.test", { headers: { "Accept-Encoding": coding } });
      assert.ok(taken.body.equals(body));
      assert.equal(taken.headers["content-encoding"], coding);
    });
  });
}

test(
  "decompress: several members, bare deflate, two codings, and nothing at all",
  bounded,
  async () => {
    for (const [coding, body, text] of [
      ["gzip", Buffer.concat([gzipSync("one "), gzipSync("two")]), "one two"],
      ["deflate", deflateRawSync(html), html],
      ["gzip, br", brotliCompressSync(gzipSync(html)), html],
      ["gzip", Buffer.alloc(0), ""],
      ["identity", Buffer.from("as it is"), "as it is"],
    ] as const) {
      const got = await get("unzip.test", { body, headers: { "Content-Encoding": coding } });
      assert.equal(got.status, 200, coding);
      assert.equal(seen?.body.toString(), text, coding);
    }
  },
);

const packed = gzipSync(html);

for (const [why, coding, body, status] of [
  ["rubbish", "gzip", Buffer.from("this is no gzip at all, is it"), 400],
  ["truncated gzip", "gzip", packed.subarray(0, -9), 400],
  ["truncated br", "br", brotliCompressSync(html).subarray(0, -3), 400],
  ["truncated zstd", "zstd", zstdCompressSync(html).subarray(0, -3), 400],
  ["truncated deflate", "deflate", deflateSync(html).subarray(0, -3), 400],
  ["a wrong checksum", "gzip", Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]), 400],
  ["something behind the end", "gzip", Buffer.concat([packed, Buffer.from("more")]), 400],
  ["something behind the end of br", "br", Buffer.concat([brotliCompressSync(html), packed]), 400],
  ["three codings", "gzip, gzip, gzip", gzipSync(gzipSync(packed)), 415],
  ["more than maxBody", "gzip", gzipSync(Buffer.alloc(1_048_577)), 413],
  ["a bomb in a bomb", "gzip, gzip", gzipSync(gzipSync(Buffer.alloc(50_000_000))), 413],
  ["a bomb of br", "br", brotliCompressSync(Buffer.alloc(50_000_000)), 413],
] as const) {
  test(`decompress: ${why} is refused with ${status}`, bounded, async () => {
    const got = await get("unzip.test", { body, headers: { "Content-Encoding": coding } });
    assert.equal(got.status, status);
    const next = await get("unzip.test", { body: packed, headers: { "Content-Encoding": "gzip" } });
    assert.equal(next.status, 200);
  });
}

test("decompress: an unknown coding is the backend's business", bounded, async () => {
  await get("unzip.test", { body: "x", headers: { "Content-Encoding": "exi" } });
  assert.equal(seen?.headers["content-encoding"], "exi");
  assert.equal(seen.body.toString(), "x");
});

test("decompress: a bomb in an answer is broken off", bounded, async () => {
  const body = brotliCompressSync(Buffer.alloc(100_000_000));
  const listener: RequestListener = (_, response) =>
    void response.writeHead(200, { "Content-Encoding": "br" }).end(body);
  const got = await answering(listener, () => get("unzip.test"));
  assert.equal(got.isWhole, false);
  assert.ok(got.body.length < 10_000_000);
});

test("rewriteBody: texts and patterns, over all borders", bounded, async () => {
  const wanted = html
    .replaceAll("http://inside.test/", "https://edit.test/")
    .replace(/<(\/?)b>/g, "<$1i>");
  const pieces = (size: number): RequestListener => {
    return (_, response) => {
      response.writeHead(200, { "Content-Type": "text/html" });
      for (let at = 0; at < html.length; at += size) response.write(html.slice(at, at + size));
      response.end();
    };
  };
  for (const size of [7, 1000, 99_999]) {
    const headers = { "Accept-Encoding": "gzip", Range: "bytes=0-9" };
    const got = await answering(pieces(size), () => get("edit.test", { headers }));
    assert.equal(got.body.toString(), wanted);
    assert.equal(seen?.headers["accept-encoding"], undefined);
    assert.equal(seen?.headers["range"], undefined);
  }
  const got = await get("edit.test");
  assert.equal(got.body.toString(), wanted);
  assert.equal(got.headers["content-length"], undefined);
  assert.equal(got.headers["etag"], 'W/"one"');
});

test("rewriteBody: bytes that are no text pass unchanged", bounded, async () => {
  const body = Buffer.concat([
    Buffer.from([0, 255, 0xc3, 0x28, 0xe2, 0x82]),
    Buffer.from("<b>\0</b>"),
  ]);
  const given = (type: string): RequestListener => {
    return (_, response) => void response.writeHead(200, { "Content-Type": type }).end(body);
  };
  const got = await answering(given("text/html"), () => get("edit.test"));
  const wanted = Buffer.concat([body.subarray(0, 6), Buffer.from("<i>\0</i>")]);
  assert.ok(got.body.equals(wanted));
  for (const type of ["image/png", "text/html; charset=utf-16le"]) {
    const same = await answering(given(type), () => get("edit.test"));
    assert.ok(same.body.equals(body), type);
  }
});

test("unpacked, rewritten and packed again, in this order", bounded, async () => {
  const listener: RequestListener = (_, response) =>
    void response
      .writeHead(200, { "Content-Type": "text/html", "Content-Encoding": "br" })
      .end(brotliCompressSync(large));
  const got = await answering(listener, () =>
    get("all.test", { headers: { "Accept-Encoding": "gzip" } }),
  );
  assert.equal(got.headers["content-encoding"], "gzip");
  const text = gunzipSync(got.body).toString();
  assert.equal(text.length, large.replaceAll("http://inside.test/", "https://all.test/").length);
  assert.doesNotMatch(text, /inside|<b>/);
});

test("bodyLimit: requests that are too long get 413, told or not", bounded, async () => {
  const body = "x".repeat(10_241);
  assert.equal((await get("limit.test", { body })).status, 413);
  const headers = { "Transfer-Encoding": "chunked" };
  assert.equal((await get("limit.test", { body, headers })).status, 413);
  assert.equal((await get("limit.test", { body: body.slice(1), headers })).status, 200);
});

test("bodyLimit: answers that are too long get 502, or are broken off", bounded, async () => {
  const told = await get("limit.test", { path: "/large" });
  assert.equal(told.status, 502);
  assert.equal(told.headers["etag"], undefined);
  assert.match(told.body.toString(), /larger than this route allows/);
  assert.equal(told.isWhole, true);
  const chunked: RequestListener = (_, response) => {
    response.writeHead(200).write(html);
    setTimeout(() => response.end(large), 20);
  };
  const cut = await answering(chunked, () => get("limit.test"));
  assert.equal(cut.isWhole, false);
  assert.ok(cut.body.length <= 100 * 1024);
  await program.waitForLog(/ANSWER_TOO_LARGE/);
  assert.equal((await get("limit.test")).body.toString(), html);
});
