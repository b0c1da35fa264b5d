// One client connection that is carried as it is: its first bytes say where to, where anybody asks for that; a
// backend is found; then bytes go through both ways as they come. Each side's end is passed on, a slow reader
// pauses its writer, and an end that came too early reaches the other side as one. Hot: bench/workloads/tcp.ts

import type { Socket } from "node:net";

import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Rostered } from "../lib/roster.ts";
import { Deadline, type Deadlined } from "../lib/wheel.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";
import type { Asker } from "../upstream/pooled.ts";
import type { RawConnection, RawSink } from "../upstream/raw-connection.ts";
import type { AlertCode } from "../tls/chooser.ts";
import type { ClientHello } from "../tls/client-hello.ts";
import { ClientSide, type ClientUser } from "./client-side.ts";
import { endTls } from "./end-tls.ts";
import { farewell } from "./farewell.ts";
import { KeptBytes } from "../lib/kept-bytes.ts";
import { Opening } from "./opening.ts";
import { sslRequest } from "./postgres.ts";
import { proxyHeader } from "./proxy-header.ts";
import { Reach, type ReachUser } from "./reach.ts";
import type { StreamContext, StreamOrigin } from "./stream-context.ts";
import { State } from "./stream-state.ts";
import type { StreamPlan } from "./stream-table.ts";

/** How long the last bytes of a stream may take to leave, ms. */
const endingMs = 10_000;
/** How long a client that was told that it cannot be served may take to go, ms. */
const farewellMs = 2000;
const yes = "S".charCodeAt(0);

export class StreamConnection
  implements ClientUser, ReachUser, RawSink, Asker, Deadlined, Rostered
{
  place = -1;
  readonly origin: StreamOrigin;
  readonly #context: StreamContext;
  readonly #client: ClientSide;
  readonly #deadline: Deadline;
  readonly #startedAt = performance.now();
  #state: (typeof State)[keyof typeof State] = State.OPENING;
  readonly #kept = new KeptBytes();
  #opening: Opening | null;
  #hello: ClientHello | undefined = undefined;
  #plan: StreamPlan | undefined = undefined;
  #idleMs = 0;
  #reach: Reach | null = null;
  #connection: RawConnection | null = null;
  #service: LiveService | undefined = undefined;
  #backend: LiveBackend | undefined = undefined;
  #connectMs = 0;
  #isJudged = false;
  #isClientEnded = false;
  #isClientClosed = false;
  #isBackendEnded = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #isRecorded = false;

  constructor(socket: Socket, origin: StreamOrigin, context: StreamContext) {
    this.origin = origin;
    this.#context = context;
    this.#client = new ClientSide(socket, this);
    this.#deadline = new Deadline(this);
    this.#opening = context.table.needsHello ? new Opening(this.#kept) : null;
  }

  /** Begins. It may be over when this returns. */
  start(): void {
    if (this.#opening === null) this.#route();
    else this.#context.wheel.arm(this.#deadline, this.#context.headTimeout);
  }

  /** It has begun to be carried; before that nothing is lost with it. */
  get isTunnel(): boolean {
    return this.#state >= State.REACHING;
  }

  // --- as an asker: what a choice among backends may depend on ---------------------------------------

  get clientIp(): string {
    return this.origin.source.address;
  }

  readonly path = "";
  readonly query = "";

  header(): undefined {}

  // --- what the client says first --------------------------------------------------------------------

  /** As a receiver of what the accepted socket reads. */
  onBytes(buffer: Buffer, start: number, end: number): void {
    this.onClientBytes(buffer, start, end);
  }

  onClientBytes(buffer: Buffer, start: number, end: number): void {
    switch (this.#state) {
      case State.OPEN:
        this.#bytesIn += end - start;
        this.#context.wheel.arm(this.#deadline, this.#idleMs);
        if (this.#connection?.write(buffer, start, end) === false) this.#client.pause();
        break;
      case State.OPENING:
        this.#bytesIn += end - start;
        this.#open(buffer, start, end);
        break;
      case State.REACHING:
      case State.ASKING:
        this.#bytesIn += end - start;
        this.#kept.add(buffer, start, end);
        if (this.#kept.length >= this.#context.bufferBytes) this.#client.pause();
        break;
      default:
        break;
    }
  }

  #open(buffer: Buffer, start: number, end: number): void {
    const reading = this.#opening?.push(buffer, start, end);
    if (reading === undefined) return;
    if (reading.kind === "bad") {
      this.#context.onBadOpening(this.clientIp, reading.why);
      this.#refuse("CLIENT_HELLO_INVALID");
    } else if (reading.kind === "known") {
      this.#hello = reading.hello;
      this.#route();
    } else if (reading.answer !== undefined) {
      this.#client.write(reading.answer, 0, reading.answer.length);
    }
  }

  #route(): void {
    const plan = this.#context.table.find({ clientIp: this.clientIp, hello: this.#hello });
    this.#plan = plan;
    if (plan === undefined) {
      this.#refuse("NO_ROUTE");
      return;
    }
    this.#idleMs = plan.timeouts.idle;
    if (plan.tls === undefined) {
      this.#find(plan);
      return;
    }
    this.#state = State.SECURING;
    this.#context.wheel.arm(this.#deadline, this.#context.headTimeout);
    const received = Buffer.from(this.#kept.bytes);
    this.#kept.clear();
    endTls({
      ...{ endings: this.#context.endings, termination: plan.tls, client: this.#client, received },
      hello: this.#hello ?? noHello,
      isOver: () => this.#state !== State.SECURING,
      refuse: (alert, why) => {
        this.#context.onTlsRefused(this.clientIp, why);
        this.#refuse("CLIENT_TLS_FAILED", alert);
      },
    });
  }

  onClientProven(): void {
    this.#finish(undefined);
  }

  onClientUntrusted(why: string): void {
    this.#context.onTlsRefused(this.clientIp, why);
    this.#over("CLIENT_TLS_FAILED");
  }

  onClientSecure(): void {
    // What counts is what goes through, not how TLS was made.
    this.#bytesIn = 0;
    if (this.#state === State.SECURING && this.#plan !== undefined) this.#find(this.#plan);
  }

  // --- the backend -----------------------------------------------------------------------------------

  #find(plan: StreamPlan): void {
    this.#state = State.REACHING;
    this.#context.wheel.disarm(this.#deadline);
    const destination = this.#context.destinationOf(plan.service);
    if (destination === undefined) {
      this.#refuse("NO_BACKEND");
      return;
    }
    const { connect: connectTimeout } = plan.timeouts;
    this.#reach = new Reach({ destination, asker: this, connectTimeout, user: this });
    this.#reach.start();
  }

  onAttemptFailed(code: FailureCode, backend: string, cause: string): void {
    const { listener } = this.#context;
    const fields = { failure: code, backend, listener, route: this.#plan?.route ?? "", cause };
    this.#context.onProblem(factsOf(code).text, fields);
  }

  /** Who said nothing and sends no more is as good as gone. */
  get isWorthWaiting(): boolean {
    return !this.#isClientEnded || this.#bytesIn > 0;
  }

  onUnreachable(code: FailureCode): void {
    this.#reach = null;
    this.#refuse(code);
  }

  onReached(
    connection: RawConnection,
    service: LiveService,
    backend: LiveBackend,
    ms: number,
  ): void {
    this.#reach = null;
    this.#connection = connection;
    this.#service = service;
    this.#backend = backend;
    this.#connectMs = ms;
    connection.begin(this);
    const { proxyProtocol } = service.settings;
    if (proxyProtocol !== undefined) this.#sendProxyHeader(connection, proxyProtocol);
    this.#context.wheel.arm(this.#deadline, this.#idleMs);
    if (this.#opening?.isTlsPromised === true && !this.#client.isSecure) {
      this.#state = State.ASKING;
      this.#context.wheel.arm(this.#deadline, this.#plan?.timeouts.connect ?? 0);
      connection.write(sslRequest, 0, sslRequest.length);
      return;
    }
    this.#splice(connection);
  }

  #sendProxyHeader(connection: RawConnection, version: "v1" | "v2"): void {
    const header = proxyHeader(version, {
      ...this.origin,
      protocol: this.#client.protocol,
      serverName: this.#hello?.serverName ?? "",
    });
    connection.write(header, 0, header.length);
  }

  /** What waited goes first. */
  #splice(connection: RawConnection): void {
    this.#state = State.OPEN;
    this.#opening = null;
    const { bytes, length } = this.#kept;
    const isTaken = length === 0 || connection.write(bytes, 0, length);
    this.#kept.clear();
    if (isTaken) this.#client.resume();
    else this.#client.pause();
    if (this.#isClientEnded) connection.end();
  }

  onBackendBytes(buffer: Buffer, start: number, end: number): void {
    if (this.#state === State.OPEN) {
      if (!this.#isJudged) this.#judge(undefined);
      this.#bytesOut += end - start;
      this.#context.wheel.arm(this.#deadline, this.#idleMs);
      if (!this.#client.write(buffer, start, end)) this.#connection?.pause();
    } else if (this.#state === State.ASKING && this.#connection !== null) {
      // CVE-2021-23222: more than the answer would be taken for what TLS protected.
      if (buffer[start] === yes && end - start === 1) {
        this.#context.wheel.arm(this.#deadline, this.#idleMs);
        this.#splice(this.#connection);
      } else {
        this.#onUnwilling("TLS_FAILED", unwillingText);
      }
    }
  }

  onBackendRefused(why: string): void {
    this.#connection = null;
    this.#onUnwilling("TLS_FAILED", why);
  }

  /** It did not agree to what has to be agreed on before anything is carried. */
  #onUnwilling(code: FailureCode, why: string): void {
    this.onAttemptFailed(code, this.#backend?.url ?? "", why);
    this.#judge(code);
    this.#refuse(code);
  }

  onBackendDrain(): void {
    if (this.#state === State.OPEN) this.#client.resume();
  }

  onClientDrain(): void {
    this.#connection?.resume();
  }

  /**
   * Tells the service how its backend did: once. That it ended a stream without a word is no fault: what was
   * asked of it may have deserved nothing else, and any client can ask for that.
   */
  #judge(failure: FailureCode | undefined): void {
    if (this.#isJudged || this.#backend === undefined) return;
    this.#isJudged = true;
    this.#backend.judge(failure === undefined, this.#connectMs, failure ?? "");
    this.#service?.record(failure === undefined ? 200 : 0, this.#connectMs);
  }

  // --- ending ----------------------------------------------------------------------------------------

  onClientEnd(): void {
    this.#isClientEnded = true;
    switch (this.#state) {
      case State.OPENING:
      case State.SECURING:
      case State.ASKING:
        this.#over("CLIENT_CLOSED");
        break;
      case State.REACHING:
        if (this.#reach?.isHeld === true && !this.isWorthWaiting) this.#over("CLIENT_CLOSED");
        break;
      case State.OPEN:
        if (this.#isBackendEnded) this.#finish(undefined);
        else this.#connection?.end();
        break;
      default:
        break;
    }
  }

  onBackendEnd(): void {
    this.#isBackendEnded = true;
    if (this.#state === State.ASKING) this.#onUnwilling("UPSTREAM_CLOSED", unwillingText);
    if (this.#state !== State.OPEN) return;
    this.#judge(undefined);
    if (this.#isClientEnded) this.#finish(undefined);
    else this.#client.end();
  }

  /** Nothing more comes from either side; what is on its way is still delivered. */
  #finish(failure: FailureCode | undefined): void {
    this.#record(failure);
    this.#state = State.ENDING;
    this.#context.wheel.arm(this.#deadline, endingMs);
    this.#connection?.destroySoon();
    this.#client.destroySoon();
  }

  /** The client cannot be served, and is told so where it understands that. */
  #refuse(code: FailureCode, alert?: AlertCode): void {
    if (this.#state >= State.ENDING) return;
    const words = farewell(code, {
      isTlsAwaited:
        !this.#client.isSecure && (this.#hello !== undefined || code === "CLIENT_HELLO_INVALID"),
      alert,
      isPostgres: this.#opening?.isPostgres === true || this.#client.protocol === postgresProtocol,
    });
    if (words === undefined) {
      this.#over(code);
      return;
    }
    this.#dropBackend();
    this.#record(code);
    this.#state = State.ENDING;
    this.#kept.clear();
    this.#context.wheel.arm(this.#deadline, farewellMs);
    this.#client.write(words, 0, words.length);
    // Read on until it has gone: a reset, the answer to bytes that nobody reads, would eat what was said.
    this.#client.end();
    this.#client.resume();
  }

  /** Ends it at once, on both sides. */
  #over(failure: FailureCode | undefined): void {
    this.#record(failure);
    this.#dropBackend();
    this.#close();
  }

  #dropBackend(): void {
    this.#reach?.cancel();
    this.#reach = null;
    const connection = this.#connection;
    this.#connection = null;
    connection?.breakOff();
  }

  onClientClosed(): void {
    this.#isClientClosed = true;
    if (this.#state === State.CLOSED) return;
    if (this.#state !== State.ENDING) {
      this.#over(this.#codeOfLeaving);
    } else if (this.#connection === null) {
      this.#close();
    }
  }

  /** Who has said all it had to say may leave as it likes. */
  get #codeOfLeaving(): FailureCode | undefined {
    if (this.#state === State.SECURING) return "CLIENT_TLS_FAILED";
    return this.#state === State.OPEN && this.#isClientEnded ? undefined : "CLIENT_CLOSED";
  }

  onBackendClosed(): void {
    this.#connection = null;
    if (this.#state === State.ENDING) {
      if (this.#isClientClosed) this.#close();
    } else if (this.#state === State.ASKING) {
      this.#onUnwilling("UPSTREAM_CLOSED", unwillingText);
    } else if (this.#state === State.OPEN) {
      this.#onBackendLost();
    }
  }

  /** It went without an end, or does not read on after its own. */
  #onBackendLost(): void {
    const code = this.#bytesOut === 0 ? "UPSTREAM_CLOSED" : "UPSTREAM_TRUNCATED";
    // After its end all that it had to say is on its way: there is nothing to break off.
    if (this.#isBackendEnded) {
      this.#finish(undefined);
      return;
    }
    // With TLS a server meets the last words of a client that has left with a reset, as a rule.
    this.#record(this.#isClientEnded ? undefined : code);
    this.#client.breakOff();
    this.#close();
  }

  /** Ends it whatever runs, since the program ends or the listener is gone. */
  cut(): void {
    if (this.#state === State.CLOSED) return;
    if (this.#state === State.OPEN) this.#client.breakOff();
    this.#over("SHUT_DOWN");
  }

  /** Nothing was promised yet: closed. What is carried goes on. */
  drain(): void {
    if (!this.isTunnel) this.#over("SHUT_DOWN");
  }

  onDeadline(): void {
    switch (this.#state) {
      case State.OPENING:
        // With protocols in which the server speaks first, silence is what a client says.
        if (this.#opening?.isUntouched === true && this.#hasSilentRoute) this.#route();
        else this.#over("HEAD_TIMEOUT");
        break;
      case State.SECURING:
        this.#over("HEAD_TIMEOUT");
        break;
      case State.ASKING:
        this.#onUnwilling("CONNECT_TIMEOUT", unwillingText);
        break;
      case State.OPEN:
        this.#finish("TUNNEL_TIMEOUT");
        break;
      default:
        this.#over(undefined);
    }
  }

  get #hasSilentRoute(): boolean {
    const { table } = this.#context;
    return table.find({ clientIp: this.clientIp, hello: undefined }) !== undefined;
  }

  #close(): void {
    if (this.#state === State.CLOSED) return;
    this.#state = State.CLOSED;
    this.#kept.clear();
    this.#context.wheel.release(this.#deadline);
    this.#client.destroy();
    const connection = this.#connection;
    this.#connection = null;
    connection?.destroy();
    this.#context.onClosed(this);
  }

  #record(failure: FailureCode | undefined): void {
    if (this.#isRecorded) return;
    this.#isRecorded = true;
    this.#judge(undefined);
    const backend = this.#backend;
    backend?.leave();
    this.#context.onEnd({
      listener: this.#context.listener,
      route: this.#plan?.route ?? "",
      service: this.#service?.name ?? this.#plan?.service ?? "",
      backend: backend?.url ?? "",
      clientIp: this.clientIp,
      serverName: this.#hello?.serverName ?? "",
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      ms: performance.now() - this.#startedAt,
      failure,
    });
  }
}

const noHello: ClientHello = { serverName: "", protocols: [] };
const postgresProtocol = "postgresql";
const unwillingText = "asked for TLS, it did not agree";
