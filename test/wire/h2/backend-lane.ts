// A backend that is a script of frames, for one run at a time: each connection that the program opens plays the next
// script. It answers requests for /alive by itself, whatever the script did to other streams.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { flagBits, frame, frameTypes } from "../../harness/h2-frames.ts";
import { valueOf } from "../../harness/h2-fields.ts";
import { section } from "../../harness/h2-hpack.ts";
import { H2Peer } from "../../harness/h2-peer.ts";
import type { Script } from "./h2-case.ts";
import { type Cut, leftovers, type Left, playScript } from "./play.ts";

export interface BackendRun {
  readonly address: string;
  readonly lane: number;
  readonly problems: string[];
  readonly scripts: readonly Script[];
  readonly cut: Cut;
  readonly peers: H2Peer[];
  readonly playing: Promise<Left>[];
}

const alivePath = "/alive";

export class BackendLane implements AsyncDisposable {
  readonly number: number;
  readonly #server: Server;
  #run: BackendRun | undefined;
  #runs = 0;

  private constructor(number: number, server: Server) {
    this.number = number;
    this.#server = server;
    server.on("connection", (socket) => {
      const run = this.#run;
      if (run === undefined) return void socket.destroy();
      const peer: H2Peer = new H2Peer(socket, {
        role: "server",
        isWindowManual: run.scripts[run.peers.length]?.isWindowManual ?? false,
        isAckManual: run.scripts[run.peers.length]?.isAckManual ?? false,
        onChange: () => answerAlive(peer),
      });
      const script = run.scripts[run.peers.length];
      run.peers.push(peer);
      if (script?.isRaw !== true) void peer.greet();
      if (script !== undefined) run.playing.push(this.#play(run, script, peer));
    });
  }

  static async open(number: number): Promise<BackendLane> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new BackendLane(number, server);
  }

  get network(): string {
    return `127.${this.number}.0.0/16`;
  }

  get url(): string {
    return `h2c://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  begin(scripts: readonly Script[], cut: Cut): BackendRun {
    this.#runs += 1;
    const address = `127.${this.number}.${this.#runs >> 8}.${this.#runs & 255}`;
    this.#run = { address, lane: this.number, problems: [], scripts, cut, peers: [], playing: [] };
    return this.#run;
  }

  /** Ends all connections; the program must end them, too, so that the next run begins with none. */
  async finish(run: BackendRun, left: readonly Left[]): Promise<void> {
    for (const [index, peer] of run.peers.entries()) {
      // Who asks us may say at any time that no more will come.
      peer.goaways.splice(0, peer.goaways.length, ...peer.goaways.filter(({ code }) => code !== 0));
      // A connection that ended early may have been asked, or not.
      if (left[index] === "open") run.problems.push(...leftovers(peer));
      else run.problems.push(...peer.problems);
      peer.end();
    }
    for (const peer of run.peers) {
      await peer
        .until("the end", () => (peer.ended ? true : undefined))
        .catch((error: unknown) => run.problems.push(`after our end: ${String(error)}`));
      peer.socket.destroy();
    }
    this.#run = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }

  async #play(run: BackendRun, script: Script, peer: H2Peer): Promise<Left> {
    try {
      // As TCP gives it: the rest of what was sent before comes first.
      return await playScript(script, peer, run.cut, run.problems);
    } catch (error) {
      run.problems.push(`backend: ${error instanceof Error ? error.message : String(error)}`);
      return "untold";
    }
  }
}

function answerAlive(peer: H2Peer): void {
  for (const stream of peer.streams.values()) {
    const [head] = stream.sections;
    if (head === undefined || stream.taken > 0 || valueOf(head, ":path") !== alivePath) continue;
    stream.taken = 1;
    const fields = section([[":status", "200"]]);
    void peer.send(
      Buffer.concat([
        frame(frameTypes.HEADERS, flagBits.END_HEADERS, stream.id, fields),
        frame(frameTypes.DATA, flagBits.END_STREAM, stream.id, Buffer.from("ok")),
      ]),
    );
  }
}
