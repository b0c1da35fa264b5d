// Answers with a file: conditions first, then the part that is asked for, then its bytes, from memory or from the disk.
// Hot: bench/workloads/files.ts

import { isSameRange, judge, type Validators } from "../files/conditions.ts";
import { closeForms, type Form, formFor, formOfFile, type Forms } from "../files/forms.ts";
import { contentRange, multipartOf, type Piece } from "../files/multipart.ts";
import type { Reads } from "../files/reading.ts";
import { readRanges } from "../files/ranges.ts";
import type { OpenFile } from "../guest/finding.ts";
import type { Exchange } from "../http/exchange.ts";
import { fail } from "./fail.ts";
import { FileBody } from "./file-body.ts";
import { beginAnswer, giveText } from "./own-answer.ts";
import type { Plan } from "./plan.ts";

/** Answers with the form that the client takes. Closes what is open. */
export function giveForms(exchange: Exchange, plan: Plan, forms: Forms, reads: Reads): void {
  const form = forms.length === 1 ? forms[0] : formFor(forms, exchange.header("accept-encoding"));
  if (forms.length > 1) closeForms(forms, form);
  new FileAnswer(exchange, plan, form, reads, "").give(200);
}

export interface SentFile {
  /** Status of the whole file; parts of it and conditions have their own, if it is 200. */
  readonly status: number;
  /** Value of Content-Type. */
  readonly type: string;
  /** Further field lines, each with its CR LF: none of Content-Length, Content-Type, ETag, Last-Modified, Accept-Ranges and Date. */
  readonly lines: string;
}

/** Answers with a file that a program named, in the place of its own body. Closes it. */
export function sendFile(
  exchange: Exchange,
  plan: Plan,
  file: OpenFile,
  { status, type, lines }: SentFile,
  reads: Reads,
): void {
  new FileAnswer(exchange, plan, formOfFile(file, type), reads, lines).give(status);
}

class FileAnswer {
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #form: Form;
  readonly #reads: Reads;
  readonly #lines: string;

  constructor(exchange: Exchange, plan: Plan, form: Form, reads: Reads, lines: string) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#form = form;
    this.#reads = reads;
    this.#lines = lines;
  }

  give(status: number): void {
    const exchange = this.#exchange;
    // Conditions are about an answer that would be a success (RFC 9110 section 13.2.1).
    if (status !== 200) {
      this.#giveWhole(status);
      return;
    }
    switch (this.#judged()) {
      case 304:
        this.#close();
        this.#giveBare(304, this.#form.cacheLines + this.#lines);
        break;
      case 412:
        this.#close();
        this.#giveBare(412, this.#lines);
        break;
      case "send": {
        const range = exchange.method === "GET" ? exchange.header("range") : undefined;
        if (range !== undefined && this.#isRangeWanted()) this.#giveRanges(range);
        else this.#giveWhole(200);
      }
    }
  }

  #judged(): "send" | 304 | 412 {
    const exchange = this.#exchange;
    const conditions = {
      ifMatch: exchange.header("if-match"),
      ifNoneMatch: exchange.header("if-none-match"),
      ifModifiedSince: exchange.header("if-modified-since"),
      ifUnmodifiedSince: exchange.header("if-unmodified-since"),
    };
    return judge(conditions, this.#validators);
  }

  get #validators(): Validators {
    return { tag: this.#form.tag, modifiedAt: this.#form.lastModified };
  }

  #isRangeWanted(): boolean {
    const ifRange = this.#exchange.header("if-range");
    return ifRange === undefined || isSameRange(ifRange, this.#validators, Date.now());
  }

  #giveWhole(status: number): void {
    const { lines, size, text } = this.#form;
    if (text !== undefined && this.#exchange.method !== "HEAD") {
      if (!this.#begin(status, lines + this.#lines, size)) return;
      this.#exchange.client.writeText(text);
      this.#exchange.client.endAnswer("");
      return;
    }
    this.#send(status, lines, size, [{ start: 0, end: size }]);
  }

  #giveRanges(field: string): void {
    const { size, typeLines, cacheLines, type } = this.#form;
    const ranges = readRanges(field, size);
    if (ranges === "whole") {
      this.#giveWhole(200);
      return;
    }
    if (ranges === "bad") {
      this.#close();
      this.#giveBare(
        416,
        `Content-Range: bytes */${size}\r\nAccept-Ranges: bytes\r\n${this.#lines}`,
      );
      return;
    }
    const [first] = ranges;
    if (first !== undefined && ranges.length === 1) {
      const length = first.end - first.start;
      const part = `Content-Range: ${contentRange(first, size)}\r\nContent-Length: ${length}\r\n`;
      this.#send(206, typeLines + cacheLines + part, length, [first]);
      return;
    }
    const parts = multipartOf(ranges, size, type);
    const head = typeLines.replace(/^Content-Type: [^\r]*/, `Content-Type: ${parts.contentType}`);
    const lines = `${head}${cacheLines}Content-Length: ${parts.length}\r\n`;
    this.#send(206, lines, parts.length, parts.pieces);
  }

  #send(status: number, lines: string, length: number, pieces: readonly Piece[]): void {
    const { file, bytes } = this.#form;
    if (!this.#begin(status, lines + this.#lines, length)) return;
    const { client } = this.#exchange;
    if (this.#exchange.method === "HEAD") {
      this.#close();
      client.endAnswer("");
    } else if (file !== undefined) {
      FileBody.send(this.#exchange, this.#plan.errorPages, file, this.#reads, pieces);
    } else {
      for (const each of pieces) {
        if (typeof each === "string") client.writeText(each);
        else if (bytes !== undefined) client.writeData(bytes, each.start, each.end);
      }
      client.endAnswer("");
    }
  }

  /** What is open is closed when there is no answer. */
  #begin(status: number, lines: string, length: number): boolean {
    if (beginAnswer(this.#exchange, status, lines, length)) return true;
    this.#close();
    fail(this.#exchange, "INTERNAL", this.#plan.errorPages);
    return false;
  }

  /** Without any of the file. */
  #giveBare(status: number, lines: string): void {
    const text = status === 304 ? "" : bareTexts[status];
    const type = text === "" ? "" : "Content-Type: text/plain; charset=utf-8\r\n";
    if (!giveText(this.#exchange, status, type + lines, text ?? "")) {
      fail(this.#exchange, "INTERNAL", this.#plan.errorPages);
    }
  }

  #close(): void {
    this.#form.file?.close();
  }
}

const bareTexts: Readonly<Record<number, string>> = {
  412: "412 Precondition Failed\nWhat is here is not what was asked for.\n",
  416: "416 Range Not Satisfiable\nNothing of what is here is within what was asked for.\n",
};
