// A request that Node's own HTTP server took, carried as any other: what Node says of it becomes a head that is read as
// strictly as one from the wire, and the answer goes out through Node's `ServerResponse`.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { factsOf, type FailureCode } from "../http/errors.ts";
import { type ClientSide, Exchange, type ExchangeOrigin } from "../http/exchange.ts";
import { CHUNKED, UNTIL_CLOSE } from "../http/framing.ts";
import { RequestHead, type HeadLimits } from "../http/request-head.ts";
import { readTrailers } from "../http/trailers.ts";
import { plainAddress } from "../lib/ip.ts";
import type { ExchangeHandler } from "../listen/connection-context.ts";

/**
 * What Node takes of links, and less: it looks at them with a pattern of its own, which needs twice as long with each
 * parameter of a value that does not fit. A backend could stop the program with one line.
 */
const linkForm = /^<[^<>]*>(?:[ \t]*;[ \t]*[^;"\s=]+(?:=(?:"[^;"\s]*"|[^;"\s]*))?)*$/;

/** The listener's name in logs, and in the configuration of who trusts it. */
const handledName = "handle";

export class NodeExchange<P> implements ClientSide {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #handler: ExchangeHandler<P>;
  readonly #exchange: Exchange<P>;
  readonly #done = Promise.withResolvers<void>();
  #isOver = false;

  private constructor(
    request: IncomingMessage,
    response: ServerResponse,
    handler: ExchangeHandler<P>,
    head: RequestHead,
  ) {
    this.#request = request;
    this.#response = response;
    this.#handler = handler;
    this.#exchange = new Exchange<P>(this, head, originOf(request.socket));
  }

  /** Resolves when the exchange is over, whatever became of it. */
  static carry<P>(
    request: IncomingMessage,
    response: ServerResponse,
    handler: ExchangeHandler<P>,
    limits: HeadLimits,
  ): Promise<void> {
    const head = new RequestHead();
    const text = headTextOf(request);
    // A program that decodes it would write lines of its own.
    const isLine = !/[\p{Cc} ]/u.test(request.url ?? "");
    const wrong = isLine ? head.read(text, 0, text.length, limits) : "BAD_TARGET";
    if (!isLine) head.clear("");
    const carried = new NodeExchange(request, response, handler, head);
    carried.#begin(wrong);
    return carried.#done.promise;
  }

  #begin(wrong: FailureCode | undefined): void {
    const exchange = this.#exchange;
    const response = this.#response;
    response.sendDate = false;
    response.on("drain", () => (exchange.filtered ?? exchange.sink)?.onClientDrain());
    response.on("close", () => this.#onClosed());
    // What is written after its end: unheard, it would be the end of the program.
    response.on("error", () => this.#onClosed());
    if (wrong !== undefined) {
      exchange.isRequestComplete = true;
      this.#handler.refuse(exchange, wrong);
      return;
    }
    if (exchange.request.bodyLength === 0) exchange.isRequestComplete = true;
    this.#handler.begin(exchange);
    if (exchange.request.bodyLength !== 0) this.#takeBody();
  }

  #takeBody(): void {
    const request = this.#request;
    const exchange = this.#exchange;
    request.on("data", (bytes: Buffer) => {
      if (this.#isOver || exchange.isRequestComplete) return;
      exchange.requestBytes += bytes.length;
      if (exchange.maxBody > 0 && exchange.requestBytes > exchange.maxBody) {
        this.#failRequest("BODY_TOO_LARGE");
        return;
      }
      exchange.receiver?.onRequestData(bytes, 0, bytes.length);
      exchange.receiver?.onRequestFlush();
    });
    request.on("end", () => {
      if (this.#isOver || exchange.isRequestComplete) return;
      exchange.isRequestComplete = true;
      const trailers = readTrailers(trailersOf(request));
      exchange.receiver?.onRequestEnd(trailers.kind === "bad" ? "" : trailers.lines);
      exchange.receiver?.onRequestFlush();
    });
  }

  #failRequest(code: FailureCode): void {
    if (this.#isOver || this.#exchange.isRequestComplete) return;
    const exchange = this.#exchange;
    exchange.isRequestComplete = true;
    if (exchange.receiver === null) this.#handler.refuse(exchange, code);
    else exchange.receiver.onRequestFailed(code);
  }

  /** It went out, or the client has gone. */
  #onClosed(): void {
    if (this.#isOver) return;
    const exchange = this.#exchange;
    if (!this.#response.writableFinished) {
      exchange.failure ??= "CLIENT_CLOSED";
      if (!exchange.isHeadSent) exchange.status = factsOf("CLIENT_CLOSED").status;
      exchange.receiver?.onRequestFailed("CLIENT_CLOSED");
    }
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const exchange = this.#exchange;
    exchange.isDone = true;
    exchange.sink = null;
    this.#handler.end(exchange);
    this.#done.resolve();
  }

  // --- the answer ----------------------------------------------------------------------------------

  /** Its client left, or somebody else ended the answer. */
  get #isGone(): boolean {
    return this.#isOver || this.#response.destroyed || this.#response.writableEnded;
  }

  writeInterim(text: string): void {
    if (this.#isGone) return;
    const status = Number(text.slice(9, 12));
    if (status === 100) this.#response.writeContinue();
    else if (status === 103) this.#writeHints(text);
    // Node has no way to send others, and clients can do without.
  }

  /** @param text a head: its `Link` fields are what browsers act on, and all that Node takes */
  #writeHints(text: string): void {
    const link = text.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      if (line.slice(0, colon).toLowerCase() !== "link") return [];
      // Each by itself, as Node wants them.
      const links = line.slice(colon + 1).split(/,[ \t]*(?=<)/);
      return links.map((each) => each.trim()).filter((each) => linkForm.test(each));
    });
    try {
      this.#response.writeEarlyHints({ link });
    } catch {
      // Node is stricter with links than RFC 8288 is; a hint may be left out.
    }
  }

  writeHead(status: number, head: string, bodyLength: number): void {
    const exchange = this.#exchange;
    exchange.status = status;
    exchange.isHeadSent = true;
    if (this.#isGone) return;
    const [line = "", ...rest] = head.split("\r\n");
    const isChunked = bodyLength === CHUNKED && this.#request.httpVersionMinor > 0;
    const fields = rest.flatMap((each) => {
      const colon = each.indexOf(":");
      const name = each.slice(0, colon);
      // Node throws where the framing has no place for what it announces.
      if (colon < 0 || (!isChunked && name.toLowerCase() === "trailer")) return [];
      return [name, each.slice(colon + 1).trim()];
    });
    // Its end is the end of the connection where the client knows no chunks.
    if (bodyLength === UNTIL_CLOSE) this.#response.shouldKeepAlive = false;
    try {
      this.#response.writeHead(status, line.slice(13), fields);
    } catch {
      // Node is stricter with what a backend says than we are: nobody above could catch it.
      this.abort();
    }
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    if (this.#isGone) return;
    this.#exchange.bodyBytes += end - start;
    // What Node cannot write at once it keeps, and the bytes are ours only now.
    this.#response.write(Buffer.from(buffer.subarray(start, end)));
  }

  writeText(text: string): void {
    if (text === "" || this.#isGone) return;
    this.#exchange.bodyBytes += text.length;
    this.#response.write(text, "latin1");
  }

  endAnswer(trailers: string): void {
    if (this.#isGone) return;
    const lines = trailers.split("\r\n").flatMap((each): [string, string][] => {
      const colon = each.indexOf(":");
      return colon < 0 ? [] : [[each.slice(0, colon), each.slice(colon + 1).trim()]];
    });
    if (lines.length > 0) this.#response.addTrailers(lines);
    this.#response.end();
  }

  flush(): boolean {
    return this.#isOver || !this.#response.writableNeedDrain;
  }

  pauseRequest(): void {
    this.#request.pause();
  }

  resumeRequest(): void {
    this.#request.resume();
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#response.cork();
    else this.#response.uncork();
  }

  abort(): void {
    this.#response.destroy();
    this.#finish();
  }

  closeAfterAnswer(): void {
    this.#response.shouldKeepAlive = false;
  }

  // An upgrade never comes this way: Node tells of it elsewhere.

  startTunnel(): void {
    this.abort();
  }

  endTunnel(): void {}

  finishTunnel(): void {}
}

export function originOf(socket: Socket): ExchangeOrigin {
  return {
    listener: handledName,
    peerIp: plainAddress(socket.remoteAddress ?? ""),
    isSecure: "encrypted" in socket,
    tls: undefined,
    localPort: socket.localPort ?? 0,
    ends: () => ({
      peerPort: socket.remotePort ?? 0,
      localIp: plainAddress(socket.localAddress ?? ""),
    }),
    version: -1,
    isPeerTrusted: false,
    forwardedLines: "",
  };
}

/** Why it cannot be carried any more; undefined = it can. */
export function faultOf(request: IncomingMessage, response: ServerResponse): string | undefined {
  if (response.headersSent || response.writableEnded) return "its answer has begun already";
  const { headers, readableDidRead } = request;
  const hasBody =
    headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return hasBody && readableDidRead ? "its body has been read already" : undefined;
}

/** As it came, for all that can be known. */
export function headTextOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method ?? "GET"} ${url ?? "/"} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  }
  return `${text}\r\n`;
}

function trailersOf({ rawTrailers }: IncomingMessage): string {
  let text = "";
  for (let at = 0; at + 1 < rawTrailers.length; at += 2) {
    text += `${rawTrailers[at]}: ${rawTrailers[at + 1]}\r\n`;
  }
  return text;
}
