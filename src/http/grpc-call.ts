// A request that is a gRPC call: its own time limit, how long its streams may pause, and what status it ended with.

import type { ExchangeTimeouts } from "../config/snapshot.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { Exchange } from "./exchange.ts";
import { grpcFormOf, GrpcStatus, grpcTimeoutOf, httpStatusOf, statusIn, statusOf } from "./grpc.ts";
import type { ResponseHead } from "./response-head.ts";

export interface CallRules {
  readonly wheel: Wheel;
  /** A backend can be asked over HTTP/2, as calls are. What else says it is one has the time that any request has. */
  readonly isFit: boolean;
  /** Its deadline has passed. */
  onLate(): void;
}

export class GrpcCall implements Deadlined {
  /** In the place of the route's. */
  readonly timeouts: ExchangeTimeouts;
  /** Its answer has begun, and can be ended by trailers at any place. */
  isOpenEnded = false;
  readonly #rules: CallRules;
  readonly #deadline: Deadline;

  private constructor(timeouts: ExchangeTimeouts, timeout: number, rules: CallRules) {
    const { tunnel } = timeouts;
    // Nobody can tell a stream whose first message comes in an hour from a call that hangs: its caller can, and says so by
    // a deadline. Without one, with one that is hardly ever reached, and between messages, it is treated as a WebSocket.
    const response = timeout > 0 && timeout <= tunnel ? 0 : tunnel;
    const own = { ...timeouts, response, responseBody: tunnel, body: tunnel };
    this.timeouts = rules.isFit ? own : timeouts;
    this.#rules = rules;
    this.#deadline = new Deadline(this);
    rules.wheel.arm(this.#deadline, timeout);
  }

  /** Where the request is a call. */
  static begin(exchange: Exchange, timeouts: ExchangeTimeouts, rules: CallRules): void {
    if (exchange.method !== "POST") return;
    if (grpcFormOf(exchange.header("content-type")) === undefined) return;
    const timeout = grpcTimeoutOf(exchange.header("grpc-timeout"));
    const call = new GrpcCall(timeouts, timeout, rules);
    exchange.bodyTimeout = call.timeouts.body;
    exchange.call = call;
  }

  onDeadline(): void {
    this.#rules.onLate();
  }

  /**
   * A backend's answer begins.
   * @returns the status that it counts as where the backend's health is judged. Only what a server says of itself counts: any other
   * status can be provoked by a client
   */
  answered(exchange: Exchange, { status, fields, bodyLength }: ResponseHead): number {
    exchange.grpcStatus = statusOf(fields);
    const isGrpc = grpcFormOf(fields.passedOn("content-type")) === "grpc";
    // HTTP/1.0 has no trailers, and no other end than that of the connection.
    this.isOpenEnded = isGrpc && bodyLength < 0 && exchange.request.minor > 0;
    const { UNAVAILABLE } = GrpcStatus;
    const isDown = status === 200 && exchange.grpcStatus === UNAVAILABLE;
    return isDown ? httpStatusOf(UNAVAILABLE) : status;
  }

  /** It is complete. */
  ended(exchange: Exchange, trailers: string): void {
    this.isOpenEnded = false;
    if (trailers !== "") exchange.grpcStatus = statusIn(trailers);
  }

  /** The exchange is over. */
  close(): void {
    this.#rules.wheel.release(this.#deadline);
  }
}
