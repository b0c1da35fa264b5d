// curl and a reader of server-sent events, through the proxy to Node's own HTTP server.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { requestText } from "../harness/ask.ts";
import { signal, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand } from "../harness/command.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Says what arrived: method, headers, and length and digest of the body. */
async function report(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  response.setHeader("Content-Type", "application/json");
  response.end(
    JSON.stringify({
      method: request.method,
      target: request.url,
      headers: request.headers,
      size: body.length,
      digest: digest(body),
    }),
  );
}

interface Report {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly size: number;
  readonly digest: string;
}

describe("curl", { skip: needs("curl") }, () => {
  const stack = new AsyncDisposableStack();
  const download = randomBytes(2_000_000);
  const upload = randomBytes(2_000_000);
  let program: Tidegate;
  let folder: TempFolder;

  const curl = async (args: readonly string[], input?: string) => {
    const url = `http://app.test:${program.port()}`;
    const { code, stdout, stderr } = await runCommand(
      findCommand("curl") ?? "curl",
      [
        "--noproxy",
        "*",
        "--silent",
        "--show-error",
        "--max-time",
        "8",
        "--resolve",
        `app.test:${program.port()}:127.0.0.1`,
        ...args.map((each) =>
          each.startsWith(folder.path) ? each : each.replace(/^\//, `${url}/`),
        ),
      ],
      input === undefined ? {} : { input },
    );
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const reported = async (args: readonly string[], input?: string) =>
    JSON.parse(await curl(args, input)) as Report;

  before(async () => {
    folder = stack.use(await tempFolder());
    await writeFile(folder.file("up.bin"), upload);
    const origin = stack.use(
      await httpOrigin((request, response) => {
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
        if (request.url === "/file" && range !== null) {
          const [from, to] = [Number(range[1]), Number(range[2])];
          response.writeHead(206, { "Content-Range": `bytes ${from}-${to}/${download.length}` });
          response.end(download.subarray(from, to + 1));
        } else if (request.url === "/file") {
          response.setHeader("Content-Length", download.length);
          response.end(request.method === "HEAD" ? undefined : download);
        } else if (request.url === "/gzip") {
          response.setHeader("Content-Encoding", "gzip");
          response.end(gzipSync("unpacked by curl"));
        } else {
          void report(request, response);
        }
      }),
    );
    program = stack.use(
      await startTidegate({ config: { listeners, routes: { "app.test": origin.url } } }),
    );
  });
  after(() => stack.disposeAsync());

  test("GET a file of 2 MB", async () => {
    const text = await curl(["/file"]);
    assert.equal(digest(Buffer.from(text, "latin1")), digest(download));
  });

  test("HEAD tells the length without the body", async () => {
    assert.match(await curl(["--head", "/file"]), /^content-length: 2000000\r$/im);
  });

  test("a range", async () => {
    const text = await curl(["--range", "100-299", "/file"]);
    assert.equal(digest(Buffer.from(text, "latin1")), digest(download.subarray(100, 300)));
  });

  test("POST of a form", async () => {
    const seen = await reported(["-d", "a=1&b=2", "/form"]);
    assert.deepEqual([seen.method, seen.size], ["POST", 7]);
    assert.equal(seen.headers["content-type"], "application/x-www-form-urlencoded");
  });

  test("a multipart upload", async () => {
    const seen = await reported(["-F", `file=@${folder.file("up.bin")}`, "/multipart"]);
    assert.equal(seen.method, "POST");
    assert.ok(seen.size > upload.length);
  });

  test("PUT of a file with its length", async () => {
    const seen = await reported(["-T", folder.file("up.bin"), "/put"]);
    assert.deepEqual([seen.method, seen.size, seen.digest], ["PUT", upload.length, digest(upload)]);
    assert.equal(seen.headers["content-length"], String(upload.length));
  });

  test("PUT in chunks from standard input", async () => {
    const seen = await reported(["-T", "-", "/chunks"], "z".repeat(300_000));
    assert.equal(seen.headers["transfer-encoding"], "chunked");
    assert.deepEqual([seen.size, seen.digest], [300_000, digest(Buffer.from("z".repeat(300_000)))]);
  });

  test("HTTP/1.0, with and without a body", async () => {
    assert.equal((await reported(["--http1.0", "/old"])).method, "GET");
    const seen = await reported([
      "--http1.0",
      "--data-binary",
      `@${folder.file("up.bin")}`,
      "/old",
    ]);
    assert.equal(seen.digest, digest(upload));
    assert.equal(
      digest(Buffer.from(await curl(["--http1.0", "/file"]), "latin1")),
      digest(download),
    );
  });

  test("Expect: 100-continue before 2 MB", async () => {
    const { stderr, stdout } = await runCommand(findCommand("curl") ?? "curl", [
      "--noproxy",
      "*",
      "--silent",
      "--verbose",
      "--max-time",
      "8",
      "--expect100-timeout",
      "6",
      "-H",
      "Host: app.test",
      "-H",
      "Expect: 100-continue",
      "--data-binary",
      `@${folder.file("up.bin")}`,
      `http://127.0.0.1:${program.port()}/expect`,
    ]);
    assert.match(stderr, /< HTTP\/1\.1 100 Continue/);
    assert.equal((JSON.parse(stdout) as Report).digest, digest(upload));
  });

  test("--compressed: what the backend packed arrives packed once", async () => {
    assert.equal(await curl(["--compressed", "/gzip"]), "unpacked by curl");
  });

  test("two requests share one connection", async () => {
    const out = await curl(["-w", "\n%{num_connects}\n", "/a", "/b"]);
    assert.deepEqual(out.match(/^\d+$/gm), ["1", "0"]);
  });
});

test("server-sent events arrive one by one, when they are sent", async () => {
  const responses: ServerResponse[] = [];
  const arrived = signal();
  await using origin = await httpOrigin((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(": hello\n\n");
    responses.push(response);
    arrived.fire();
  });
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": origin.url } },
  });
  await using client = await connect(program.port());
  await client.send(requestText({ headers: { Accept: "text/event-stream" } }));
  await within(arrived.promise, 5000, "the request");
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  await client.waitHeadOrClose();
  const head = await client.readBytes(client.pending.indexOf("\r\n\r\n") + 4);
  assert.match(head, /text\/event-stream/);
  assert.equal(await client.readBytes(chunk(": hello\n\n").length), chunk(": hello\n\n"));
  // The next is not sent before the last was seen: a buffer anywhere would stop this.
  for (let n = 0; n < 20; n += 1) {
    const event = `data: ${n}\n\n`;
    responses[0]?.write(event);
    assert.equal(await client.readBytes(chunk(event).length), chunk(event));
  }
  const gone = once(responses[0] ?? origin.server, "close");
  client.reset();
  await within(gone, 5000, "the origin to see that the reader left");
});
