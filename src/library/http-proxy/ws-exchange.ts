// A WebSocket that a program handed to `ws`: the steps and events of http-proxy, in its order.

import { type IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Aim, type Asked, requestFor } from "./asked.ts";
import { ProxyError } from "./error.ts";
import { guarded, tellError } from "./events.ts";
import { Leg } from "./leg.ts";
import type { ProxyResponse } from "./proxy-response.ts";
import { hopByHop } from "./rewrites.ts";
import type { TunnelStream } from "./tunnel-stream.ts";

const none = Buffer.alloc(0);

export class WsExchange {
  readonly #asked: Asked;
  readonly #aim: Aim;
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  /** What came before there was an answer. */
  readonly #early: Buffer[] = [];
  #leg: Leg | undefined;
  #tunnel: TunnelStream | undefined;
  #answer: ProxyResponse | undefined;
  #isOver = false;
  /** What listeners were told of the connection. */
  #isOpen = false;
  #isClosed = false;

  constructor(asked: Asked, aim: Aim, request: IncomingMessage, socket: Duplex, head: Buffer) {
    this.#asked = asked;
    this.#aim = aim;
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
  }

  begin(): void {
    const { method, headers } = this.#request;
    const socket = this.#socket;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#onClosed());
    if (method !== "GET" || headers.upgrade?.toLowerCase() !== "websocket") {
      this.#isOver = true;
      socket.destroy();
      return;
    }
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true).setKeepAlive(true);
    process.nextTick(() => this.#send());
  }

  #send(): void {
    const { emitter, options } = this.#asked;
    const { shown, pool } = this.#aim;
    const request = this.#request;
    if (this.#isOver || this.#socket.destroyed) return;
    try {
      const scheme = options.xfwdWsProtoAsHttp === true ? "http" : "ws";
      const made = requestFor(request, this.#aim, options, scheme, (error) => {
        this.#leg?.cancel();
        this.#fail(error ?? new ProxyError("UPSTREAM_CLOSED"));
      });
      if (made === undefined) throw new ProxyError("BAD_TARGET");
      const socket = this.#socket;
      if (!guarded(() => emitter.emit("proxyReqWs", made, request, socket, options, this.#head))) {
        this.#isOver = true;
        socket.destroy();
      }
      if (this.#isEnded) return;
      const head = made.leave(0, "websocket", false);
      if (typeof head === "string") throw new ProxyError(head);
      const timeouts = { response: options.proxyTimeout ?? 0, connect: options.connectTimeout };
      this.#leg = new Leg(pool, head, timeouts, {
        onSettled() {},
        onDrain() {},
        onAnswer: (answer) => this.#onAnswer(answer),
        onUpgrade: (answer, tunnel) => this.#onUpgrade(answer, tunnel),
        onFailed: (error) => this.#fail(error),
      });
      this.#leg.begin();
      // Whoever leaves meanwhile is only seen by reading.
      this.#socket.on("readable", this.#onReadable);
      this.#socket.on("end", this.#onEnd);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)), shown);
    }
  }

  /** A listener may have ended it. */
  get #isEnded(): boolean {
    return this.#isOver || this.#socket.destroyed;
  }

  #fail(error: Error, target = this.#aim.shown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { emitter, callback } = this.#asked;
    const told = [error, this.#request, this.#socket, target] as const;
    this.#stopReading();
    tellError(emitter, callback, ...told);
    // What a listener wrote goes out first.
    this.#socket.end();
    if (this.#socket instanceof Socket) this.#socket.destroySoon();
  }

  // --- while there is no answer ----------------------------------------------------------------------

  readonly #onReadable = (): void => {
    const bytes: unknown = this.#socket.read();
    if (!Buffer.isBuffer(bytes)) return;
    this.#early.push(bytes);
    // One piece is enough of those who speak before they are answered; it stays in the system's buffers.
    this.#socket.off("readable", this.#onReadable);
  };

  readonly #onEnd = (): void => void this.#socket.destroy();

  #stopReading(): void {
    this.#socket.off("readable", this.#onReadable);
    this.#socket.off("end", this.#onEnd);
  }

  #onClosed(): void {
    this.#tunnel?.destroy();
    this.#answer?.destroy();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leg?.cancel();
    const { emitter } = this.#asked;
    const told = [this.#request, this.#socket, this.#aim.shown] as const;
    guarded(() => emitter.emit("econnreset", new ProxyError("CLIENT_CLOSED"), ...told));
  }

  // --- how it went ---------------------------------------------------------------------------------

  #onUpgrade(answer: ProxyResponse, tunnel: TunnelStream): void {
    const { emitter } = this.#asked;
    const socket = this.#socket;
    this.#isOver = true;
    this.#tunnel = tunnel;
    tunnel.on("error", () => socket.destroy());
    this.#stopReading();
    const onOver = (): void => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      guarded(() => emitter.emit("close", answer, tunnel, none));
    };
    tunnel.on("end", onOver);
    tunnel.on("close", () => {
      if (this.#isOpen) onOver();
      socket.end();
      if (socket instanceof Socket) socket.destroySoon();
    });
    if (socket.destroyed) {
      tunnel.destroy();
      return;
    }
    socket.write(switchingHead(answer), "latin1");
    this.#isOpen = true;
    for (const each of [this.#head, ...this.#early]) if (each.length > 0) tunnel.write(each);
    tunnel.pipe(socket);
    socket.pipe(tunnel);
    guarded(() => emitter.emit("open", tunnel));
  }

  /** It is no WebSocket there: its answer is the client's. */
  #onAnswer(answer: ProxyResponse): void {
    const socket = this.#socket;
    this.#isOver = true;
    this.#answer = answer;
    this.#stopReading();
    if (!(socket instanceof Socket) || socket.destroyed) {
      answer.destroy();
      socket.destroy();
      return;
    }
    const response = new ServerResponse(this.#request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on("finish", () => socket.destroySoon());
    answer.on("close", () => {
      if (!answer.complete) socket.destroy();
    });
    const dropped = hopByHop(answer.headers);
    try {
      for (const [name, value] of Object.entries(answer.headers)) {
        if (value !== undefined && !dropped.has(name)) response.setHeader(name, value);
      }
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage);
      answer.pipe(response);
    } catch {
      // Node is stricter with what a backend says than we are.
      answer.destroy();
      socket.destroy();
    }
  }
}

function switchingHead({ rawHeaders, headers }: ProxyResponse): string {
  const dropped = hopByHop(headers);
  let head = "HTTP/1.1 101 Switching Protocols\r\n";
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (!dropped.has(name.toLowerCase())) head += `${name}: ${rawHeaders[at + 1]}\r\n`;
  }
  return `${head}Connection: Upgrade\r\nUpgrade: ${headers.upgrade ?? "websocket"}\r\n\r\n`;
}
