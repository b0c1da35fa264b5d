// Answers an exchange with a file of a folder, or hands it to who runs what is no file.
// Hot: bench/workloads/files.ts

import { listingPage } from "../files/listing.ts";
import { closeForms } from "../files/forms.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Served } from "../upstream/served.ts";
import { writeAnswer } from "./answer.ts";
import { errorPage } from "./error-page.ts";
import { fail } from "./fail.ts";
import { giveForms } from "./file-answer.ts";
import {
  type Counter,
  dropGiven,
  type FileDesk,
  type Given,
  type GivenScript,
} from "./file-desk.ts";
import { giveText } from "./own-answer.ts";
import type { Plan } from "./plan.ts";
import { Search } from "./search.ts";

export interface FilesContext {
  readonly files: FileDesk;
  /** Takes the exchange to another service. */
  carry(exchange: Exchange<Plan>, plan: Plan, destination: Destination | undefined): void;
  /** A file that is there could not be given. */
  onFileTrouble(service: string, cause: string): void;
}

export function serveFiles(
  exchange: Exchange<Plan>,
  plan: Plan,
  served: Served,
  context: FilesContext,
): void {
  exchange.serviceName = served.name;
  const counter = context.files.counterOf(served);
  const kept = counter.kept(exchange.path, exchange.startedAt);
  if (kept !== undefined) new Delivery(exchange, plan, served, context, counter).give(kept);
  else new Delivery(exchange, plan, served, context, counter).look();
}

/** What is in it may be named relatively. */
function isOfFolder({ kind }: Given): boolean {
  return kind === "forms" || kind === "script" || kind === "list";
}

const methods = "GET, HEAD, OPTIONS";

class Delivery {
  readonly #exchange: Exchange<Plan>;
  readonly #plan: Plan;
  readonly #served: Served;
  readonly #context: FilesContext;
  readonly #counter: Counter;

  constructor(
    exchange: Exchange<Plan>,
    plan: Plan,
    served: Served,
    context: FilesContext,
    counter: Counter,
  ) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#served = served;
    this.#context = context;
    this.#counter = counter;
  }

  look(): void {
    const exchange = this.#exchange;
    const { path, request } = exchange;
    const isAlone = this.#served.scripts === undefined && this.#served.fallback === undefined;
    // Nobody else could answer: what is there does not matter.
    if (path === "*" || (isAlone && !this.#isRead)) {
      this.#refuseMethod();
      return;
    }
    const mayRedirect = this.#isRead && !request.rawPath.endsWith("/");
    const looking = this.#counter.look(path, mayRedirect);
    Search.begin(exchange, looking, (given) => this.give(given), dropGiven);
  }

  get #isRead(): boolean {
    return this.#exchange.method === "GET" || this.#exchange.method === "HEAD";
  }

  /** What the route took off is a folder that was asked for as if it were a file. */
  get #isMountAsFile(): boolean {
    const { path, mount, request } = this.#exchange;
    return path === "/" && mount !== "" && this.#isRead && !request.rawPath.endsWith("/");
  }

  give(given: Given): void {
    if (this.#isMountAsFile && isOfFolder(given)) {
      dropGiven(given);
      this.#redirect();
      return;
    }
    switch (given.kind) {
      case "forms":
        if (this.#isRead) {
          giveForms(this.#exchange, this.#plan, given.forms, this.#counter.reads);
        } else {
          closeForms(given.forms);
          this.#refuseMethod();
        }
        break;
      case "script":
        this.#run(given);
        break;
      case "slash":
        this.#redirect();
        break;
      case "list":
        if (this.#isRead) this.#list(given);
        else this.#refuseMethod();
        break;
      case "service":
        this.#context.carry(this.#exchange, this.#plan, this.#served.fallback);
        break;
      case "status":
        this.#giveStatus(given.status);
        break;
      case "nothing":
        this.#fail("NO_FILE");
        break;
      case "refused":
        this.#fail("FILE_REFUSED", given.why);
        break;
      case "away":
        this.#fail("GUEST_AWAY", given.why);
        break;
      case "late":
        this.#fail("FILE_TIMEOUT", "the file system does not answer");
        break;
      case "failed":
        this.#fail("FILE_FAILED", given.why);
        break;
    }
  }

  #run({ path, query }: GivenScript): void {
    const { request } = this.#exchange;
    this.#exchange.path = path;
    if (query !== undefined) {
      request.query = query.replaceAll("$query", () => request.query);
      request.hasQuery = request.query !== "";
    }
    this.#context.carry(this.#exchange, this.#plan, this.#served.scripts);
  }

  /** To the folder itself, so that what its pages name relatively is found. In the terms of the client, whatever middlewares did. */
  #redirect(): void {
    const { rawPath, hasQuery, query } = this.#exchange.request;
    // Two slashes at the beginning would name another host.
    const place = `/${rawPath.replace(/^\/+/, "")}/`;
    const location = hasQuery ? `${place}?${query}` : place;
    const lines = `Location: ${location}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    this.#give(301, lines, "It is a folder: its path ends in a slash.\n");
  }

  #list(list: Extract<Given, { kind: "list" }>): void {
    const { request, path } = this.#exchange;
    const page = listingPage(list, {
      accept: request.fields.joined(Field.ACCEPT),
      query: request.query,
      isTop: path === "/",
    });
    const cache = this.#counter.place.names.cacheControl(list.path);
    const control = cache === "" ? "" : `Cache-Control: ${cache}\r\n`;
    this.#give(200, page.lines + control, page.body);
  }

  #giveStatus(status: number): void {
    if (status >= 400) fail(this.#exchange, "NO_FILE", this.#plan.errorPages, status);
    else this.#give(status, "", "");
  }

  #give(status: number, lines: string, body: string): void {
    if (!giveText(this.#exchange, status, lines, body)) this.#fail("INTERNAL");
  }

  #fail(code: FailureCode, why = ""): void {
    if (why !== "") this.#context.onFileTrouble(this.#served.name, why);
    fail(this.#exchange, code, this.#plan.errorPages);
  }

  /** Says what can be done with a file (RFC 9110 sections 9.3.7 and 15.5.6). */
  #refuseMethod(): void {
    const exchange = this.#exchange;
    if (exchange.method === "OPTIONS") {
      this.#give(204, `Allow: ${methods}\r\n`, "");
      return;
    }
    if (this.#isRead) {
      this.#fail("NO_FILE");
      return;
    }
    const code = "METHOD_NOT_ALLOWED";
    const { status, text } = factsOf(code);
    exchange.failure = code;
    const { request } = exchange;
    const accept = request.fields.joined(Field.ACCEPT);
    const pages = this.#plan.errorPages;
    const page = errorPage(status, text, accept, { pages, host: request.host, code });
    const fields = [
      ["Content-Type", page.contentType],
      ["Allow", methods],
    ] as const;
    if (!writeAnswer(exchange, { status, fields, body: page.body })) this.#fail("INTERNAL");
  }
}
