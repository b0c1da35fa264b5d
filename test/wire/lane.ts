// A lane is one place where one case can run at a time: an origin of its own, and client addresses of its
// own (127.<lane>.x.y) by which the proxy's route finds that origin. So many cases can run at once, each
// byte at an origin belongs to a known run, and each access log line too.

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Message, readMessage } from "../harness/message.ts";
import { type Origin, origin, type OriginConnection } from "../harness/origin.ts";
import type { OriginStep } from "./case.ts";

export interface LaneRun {
  readonly lane: number;
  readonly address: string;
  readonly script: readonly OriginStep[];
  /** Cuts an answer into the segments it is sent in. */
  readonly cut: (bytes: string) => readonly string[];
  /** Whole requests the origin received. */
  readonly requests: Message[];
  readonly problems: string[];
  /** Every byte the origin received. */
  received: string;
  /** Steps of the script that are done. */
  done: number;
}

interface Peer {
  taken: number;
  raw: boolean;
  /** The current request was answered before its body was complete. */
  answeredEarly: boolean;
  sending: Promise<unknown>;
}

const defaultAnswer: OriginStep = {
  kind: "answer",
  bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  when: "message",
  ending: "keep",
  uncut: false,
};

export class Lane implements AsyncDisposable {
  readonly number: number;
  readonly origin: Origin;
  /** Bytes that came while no run was on: somebody forwarded what nobody should have. */
  strays = "";
  #run: LaneRun | undefined;
  #runs = 0;

  constructor(number: number, server: Origin) {
    this.number = number;
    this.origin = server;
  }

  /** CIDR of the client addresses of this lane. */
  get network(): string {
    return `127.${this.number}.0.0/16`;
  }

  begin(script: readonly OriginStep[], cut: LaneRun["cut"]): LaneRun {
    this.#runs += 1;
    const address = `127.${this.number}.${this.#runs >> 8}.${this.#runs & 255}`;
    this.#run = {
      lane: this.number,
      address,
      script,
      cut,
      requests: [],
      problems: [],
      received: "",
      done: 0,
    };
    return this.#run;
  }

  end(): void {
    this.#run = undefined;
  }

  /** After a run went wrong nothing of it may reach the next. */
  async clear(): Promise<void> {
    const open = this.origin.connections.filter(({ ended }) => !ended);
    for (const connection of open) connection.reset();
    await Promise.all(open.map(({ closed }) => closed));
  }

  welcome(connection: OriginConnection): void {
    const peer: Peer = { taken: 0, raw: false, answeredEarly: false, sending: Promise.resolve() };
    let seen = 0;
    connection.socket.on("end", () => {
      peer.sending = peer.sending.then(() => connection.end());
    });
    connection.onData = () => {
      const fresh = connection.received.slice(seen);
      seen = connection.received.length;
      if (this.#run === undefined) this.strays += fresh;
      else this.#take(this.#run, connection, peer, fresh);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.origin[Symbol.asyncDispose]();
  }

  #take(run: LaneRun, connection: OriginConnection, peer: Peer, fresh: string): void {
    run.received += fresh;
    while (!peer.raw) {
      const reading = readMessage(connection.received.slice(peer.taken), { kind: "request" });
      if (reading.kind === "bad") {
        run.problems.push(`the origin received bad HTTP: ${reading.why}`);
        connection.reset();
        return;
      }
      if (reading.kind === "more") {
        if (reading.head) this.#answer(run, connection, peer, "head");
        return;
      }
      peer.taken += reading.message.size;
      run.requests.push(reading.message);
      this.#answer(run, connection, peer, "head");
      if (!peer.answeredEarly) this.#answer(run, connection, peer, "message");
      peer.answeredEarly = false;
      if (connection.received.length === peer.taken && !peer.raw) return;
    }
    this.#tunnel(run, connection, peer);
  }

  #answer(run: LaneRun, connection: OriginConnection, peer: Peer, when: "head" | "message"): void {
    const step = run.script[run.done] ?? (when === "message" ? defaultAnswer : undefined);
    if (step?.kind !== "answer" || step.when !== when) return;
    run.done += 1;
    if (when === "head" && !/^HTTP\/1.1 1/.test(step.bytes)) peer.answeredEarly = true;
    if (step.bytes.startsWith("HTTP/1.1 101")) peer.raw = true;
    this.#send(connection, peer, step.uncut ? [step.bytes] : run.cut(step.bytes));
    if (step.ending === "keep") return;
    peer.sending = peer.sending.then(() =>
      step.ending === "close" ? connection.end() : connection.reset(),
    );
  }

  #tunnel(run: LaneRun, connection: OriginConnection, peer: Peer): void {
    for (;;) {
      const step = run.script[run.done];
      const pending = connection.received.slice(peer.taken);
      if (step?.kind === "raw-expect" && pending.startsWith(step.bytes)) {
        peer.taken += step.bytes.length;
      } else if (step?.kind === "raw-answer") {
        this.#send(connection, peer, run.cut(step.bytes));
      } else {
        return;
      }
      run.done += 1;
    }
  }

  #send(connection: OriginConnection, peer: Peer, parts: readonly string[]): void {
    peer.sending = peer.sending.then(async () => {
      for (const part of parts) {
        if (part === "" || !(await connection.send(part))) continue;
        if (parts.length > 1) await nextTurn();
      }
    });
  }
}

export async function openLane(number: number): Promise<Lane> {
  let lane: Lane | undefined;
  const server = await origin({ onConnection: (connection) => lane?.welcome(connection) });
  lane = new Lane(number, server);
  return lane;
}
