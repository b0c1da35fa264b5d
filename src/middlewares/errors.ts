// Shows pages of the operator's in the place of answers that say something went wrong, whoever gave them: a backend, a
// middleware behind this one, or we. The answer that came is dropped, and its status stays unless another is wanted.

import type { ErrorsUse } from "../config/middlewares/uses/answer.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { reasonOf } from "../http/reason.ts";
import { PageFolder } from "./error-pages-folder.ts";
import { isAmong } from "./headers.ts";
import type { Middleware, MiddlewareApi } from "./middleware.ts";
import { hostWithoutPort, pathOf } from "./requested-url.ts";

/** They describe the body that is dropped. */
const ofTheBody = [
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "content-location",
  "content-md5",
  "content-digest",
  "content-range",
  "repr-digest",
  "digest",
  "accept-ranges",
  "etag",
  "last-modified",
];

const html = "text/html; charset=utf-8";

export function errors(use: ErrorsUse, api: MiddlewareApi): Middleware {
  const { page } = use;
  const folder =
    page.from === "folder"
      ? new PageFolder(page.folder, (...said) => api.warn(...said))
      : undefined;
  const contentType = page.from === "folder" ? html : page.contentType;
  const isMarkup = /html|xml/.test(contentType);
  /** undefined = there is none for this status. */
  const bodyFor = (exchange: Exchange, status: number) => {
    if (page.from === "service") {
      const uri = page.uri.replaceAll("{status}", String(status));
      const asked = { service: page.service, uri, status };
      return async () => (await api.page(exchange, asked)) ?? plain(status, isMarkup);
    }
    const text = page.from === "text" ? page.text : folder?.pageFor(status);
    return text === undefined ? undefined : Buffer.from(filled(text, exchange, status, isMarkup));
  };
  return {
    onResponse(exchange, answer) {
      const { status, fields } = answer;
      if (!isAmong(status, use.statuses)) return;
      if (use.isHtmlOnly) {
        fields.add("Vary", "Accept");
        if (!readsHtml(exchange)) return;
      }
      const body = bodyFor(exchange, status);
      if (body === undefined) return;
      for (const name of ofTheBody) fields.dropNamed(name);
      fields.add("Content-Type", contentType);
      answer.status = use.status ?? status;
      answer.instead(body);
    },
  };
}

function filled(text: string, exchange: Exchange, status: number, isMarkup: boolean): string {
  const values: Record<string, string> = {
    status: String(status),
    host: hostWithoutPort(exchange),
    path: pathOf(exchange),
  };
  return text.replace(/\{(status|host|path)\}/g, (_, name: string) =>
    isMarkup ? escaped(values[name] ?? "") : (values[name] ?? ""),
  );
}

/** Where the service that has the pages fails, too. */
function plain(status: number, isMarkup: boolean): Buffer {
  const text = `${status} ${reasonOf(status)}`;
  if (!isMarkup) return Buffer.from(`${text}\n`);
  return Buffer.from(`<!doctype html>\n<title>${text}</title>\n<h1>${text}</h1>\n`);
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}

/** Says outright that it does; programs say that they take anything. */
function readsHtml({ request }: Exchange): boolean {
  const accept = request.fields.joined(Field.ACCEPT).slice(0, 1000);
  return /(?:^|[\s,])(?:text\/html|application\/xhtml\+xml)(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(
    accept,
  );
}
