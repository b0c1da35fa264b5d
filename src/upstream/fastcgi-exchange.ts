// One request on a FastCGI connection: what its records mean, in which order they may come, and how it ends. Hot: bench/head.ts

import { ErrorLines } from "../gateway/error-lines.ts";
import { Ending, Event, Record, type RecordReader } from "../gateway/fastcgi-records.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { ResponseLimits } from "./backend-connection.ts";
import { type AnswerCarrier, GatewayAnswer } from "./gateway-answer.ts";

export class FastcgiExchange {
  readonly id: number;
  readonly answer: GatewayAnswer;
  /** The program has ended it, and its answer is complete. */
  isDone = false;
  /** The program has ended it, well or not. */
  isEnded = false;
  /** The program can have no other request on the same connection. */
  isUnshared = false;
  #errors: ErrorLines | null = null;
  #isOutputOver = false;

  constructor(id: number, carrier: AnswerCarrier, wheel: Wheel, limits: ResponseLimits) {
    this.id = id;
    this.answer = new GatewayAnswer(carrier, wheel, limits);
  }

  begin(): void {
    this.isDone = false;
    this.isEnded = false;
    this.isUnshared = false;
    this.#errors = null;
    this.#isOutputOver = false;
  }

  /** A record of this request, or a part of one. Its carrier is told when it is refused. */
  take(event: Event, { type, content, dataStart, dataEnd }: RecordReader, buffer: Buffer): void {
    if (event === Event.RECORD) {
      if (type === Record.END_REQUEST) return this.#onEnding(content);
      return this.bad(`a record of type ${type} belongs to no request`);
    }
    if (type === Record.STDERR) {
      this.#errors ??= new ErrorLines();
      if (event === Event.DATA) this.#errors.take(buffer, dataStart, dataEnd, this.#tellError);
    } else if (event === Event.STREAM_END) {
      this.#isOutputOver = true;
    } else if (this.#isOutputOver) {
      this.bad("it goes on with an answer that it had ended");
    } else {
      this.answer.take(buffer, dataStart, dataEnd);
    }
  }

  readonly #tellError = (line: string): void => this.answer.sink?.onErrorText(line);

  /** FastCGI 1.0 section 5.5: four bytes of the program's own, one of the protocol, three for later. */
  #onEnding(content: string): void {
    this.isEnded = true;
    if (content.length !== 8) {
      return this.bad(`its last record has ${content.length} bytes, not 8`);
    }
    this.#errors?.end(this.#tellError);
    const ending = content.charCodeAt(4);
    this.isUnshared = ending === Ending.CANNOT_MULTIPLEX;
    if (ending === Ending.OVERLOADED || ending === Ending.CANNOT_MULTIPLEX) {
      return this.answer.fail("GATEWAY_OVERLOADED", "it says that it can take no more requests");
    }
    if (ending === Ending.UNKNOWN_ROLE) {
      return this.bad("it does not answer requests (unknown role)");
    }
    if (ending !== Ending.COMPLETE) return this.bad(`its last record has the status ${ending}`);
    const status = appStatusOf(content);
    if (status !== 0) this.#tellError(`the program ended with the status ${status}`);
    this.isDone = this.answer.end();
  }

  /** The connection has ended. */
  cut(): void {
    this.#errors?.end(this.#tellError);
    this.answer.cut(this.#isOutputOver);
  }

  bad(why: string): void {
    this.answer.fail("BAD_RESPONSE", why);
  }
}

function appStatusOf(content: string): number {
  let status = 0;
  for (let at = 0; at < 4; at++) status = status * 256 + content.charCodeAt(at);
  return status;
}
