// Two ends of HTTP/2 on a real socket: sessions of ours on both, or one of them and raw bytes.

import { once } from "node:events";
import { createServer, connect, type Socket } from "node:net";
import { Session } from "../../src/http/h2/session.ts";
import type { SessionFault, SessionSettings, SessionUser } from "../../src/http/h2/session.ts";
import type { FieldSection } from "../../src/http/h2/field-section.ts";
import type { Stream, StreamUser } from "../../src/http/h2/stream.ts";
import { Wheel } from "../../src/lib/wheel.ts";

export const sessionSettings: SessionSettings = {
  maxStreams: 128,
  headBytes: 16_384,
  headerCount: 100,
  headTimeout: 2000,
  bufferBytes: 65_536,
  windowBytes: 1024 * 1024,
};

/** Writes down what it is told, in the order it comes. */
export class StreamNotes implements StreamUser {
  readonly stream: Stream | undefined;
  sections: string[] = [];
  body = "";
  bytes = 0;
  isEnded = false;
  isSent = false;
  writable = 0;
  flushes = 0;
  reset: { code: number; isUntouched: boolean } | undefined;
  readonly isCounting: boolean;

  /** @param isCounting of bodies only their length is kept */
  constructor(stream?: Stream, isCounting = false) {
    this.stream = stream;
    this.isCounting = isCounting;
  }

  onFields(section: FieldSection): void {
    this.sections.push(sectionText(section));
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    if (!this.isCounting) this.body += buffer.latin1Slice(start, end);
  }

  onEnd(): void {
    if (this.isEnded) throw new Error("onEnd twice");
    this.isEnded = true;
  }

  onFlush(): void {
    this.flushes++;
  }

  onWritable(): void {
    this.writable++;
  }

  onSent(): void {
    if (this.isSent) throw new Error("onSent twice");
    this.isSent = true;
  }

  onReset(code: number, isUntouched: boolean): void {
    if (this.reset !== undefined) throw new Error("onReset twice");
    this.reset = { code, isUntouched };
  }
}

export class SessionNotes implements SessionUser {
  readonly requests: { stream: Stream; fields: string; notes: StreamNotes }[] = [];
  settings = 0;
  idle = 0;
  goaway: { last: number; code: number } | undefined;
  faults: SessionFault[] = [];
  isClosed = false;
  isCounting = false;
  answer: (stream: Stream, fields: string, notes: StreamNotes) => void = () => {};

  onRequest(stream: Stream, section: FieldSection): void {
    const notes = new StreamNotes(stream, this.isCounting);
    stream.user = notes;
    const fields = sectionText(section);
    this.requests.push({ stream, fields, notes });
    this.answer(stream, fields, notes);
  }

  onSettings(): void {
    this.settings++;
  }

  onGoaway(last: number, code: number): void {
    this.goaway = { last, code };
  }

  onIdle(): void {
    this.idle++;
  }

  onFault(fault: SessionFault): void {
    this.faults.push(fault);
  }

  onClosed(): void {
    if (this.isClosed) throw new Error("onClosed twice");
    this.isClosed = true;
  }
}

export function sectionText(section: FieldSection): string {
  const lines = [];
  for (let at = 0; at < section.count; at++)
    lines.push(`${section.names[at]!}: ${section.values[at]!}`);
  return lines.join("\n");
}

/** A connected pair of sockets on loopback; half-open ones, as those of listeners are. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const [socket] = (await once(server, "connection")) as [Socket];
  server.close();
  for (const each of [client, socket]) each.on("error", () => {});
  return [client, socket];
}

/** Has a session told of what happens on its socket, as listeners do. */
export function attach(session: Session, socket: Socket): void {
  socket.on("data", (bytes: Buffer) => session.onBytes(bytes, 0, bytes.length));
  socket.on("drain", () => session.onDrain());
  socket.on("end", () => session.onEnd());
  socket.on("close", () => session.onClosed());
}

export interface End {
  readonly session: Session;
  readonly notes: SessionNotes;
  readonly socket: Socket;
}

export function sessionOn(
  socket: Socket,
  role: "server" | "client",
  wheel: Wheel,
  settings: Partial<SessionSettings> = {},
): End {
  const notes = new SessionNotes();
  const session = new Session({
    ...{ role, socket, wheel, user: notes },
    settings: { ...sessionSettings, ...settings },
  });
  attach(session, socket);
  session.start();
  return { session, notes, socket };
}

export interface Pair {
  readonly client: End;
  readonly server: End;
  readonly wheel: Wheel;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function sessionPair(settings: Partial<SessionSettings> = {}): Promise<Pair> {
  const [near, far] = await socketPair();
  const wheel = new Wheel(10);
  const client = sessionOn(near, "client", wheel, settings);
  const server = sessionOn(far, "server", wheel, settings);
  const close = async () => {
    client.session.close(0);
    server.session.close(0);
    await until(() => near.destroyed && far.destroyed);
  };
  return { client, server, wheel, [Symbol.asyncDispose]: close };
}

/** Waits for something that will be, at most five seconds. */
export async function until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
  const end = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 1));
  }
}
