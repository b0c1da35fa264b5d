// What a program behind FastCGI, SCGI or uwsgi is told of a request: the variables of CGI (RFC 3875 section 4.1), those that
// nginx's `fastcgi_params` has besides, and the fields of the request.
//
// No field can take the place of a variable: all of them are called HTTP_*, names with other characters than letters, digits
// and hyphens are not passed on (`Foo_Bar` and `Foo-Bar` would be one), and `Proxy` never is, since libraries take HTTP_PROXY
// for the proxy that they are to use.

import type { GatewaySettings } from "../config/gateway.ts";
import type { Backend, BackendService } from "../config/service.ts";
import { decodeAsked } from "../files/asked-path.ts";
import { encodeParams, paramsFault } from "../gateway/params.ts";
import { scriptOf } from "../gateway/script-path.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field, type FieldId } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import { programVersion } from "../lib/version.ts";
import { hostWithoutPort, isSecure } from "../middlewares/requested-url.ts";

/** Which program answers, in its own terms; all parts percent-decoded, bytes as latin1. */
export interface Asked {
  /** As clients have it, with what the route took off in front. */
  readonly scriptName: string;
  readonly pathInfo: string;
  /** Where the script is, absolute; "" = the program is all there is. */
  readonly file: string;
}

const measured = ["CONTENT_LENGTH", String(Number.MAX_SAFE_INTEGER)];
const software = `tidegate/${programVersion()}`;

export type ProgramService = Pick<BackendService, "gateway" | "backends">;

/** The head of one request for all backends of a service that speak one of these protocols. */
export class GatewayHead {
  readonly service: ProgramService;
  readonly asked: Asked;
  readonly #params: readonly string[];
  readonly #isMeasured: boolean;

  private constructor(
    service: ProgramService,
    asked: Asked,
    params: readonly string[],
    isMeasured: boolean,
  ) {
    this.service = service;
    this.asked = asked;
    this.#params = params;
    this.#isMeasured = isMeasured;
  }

  /**
   * Takes all that it needs out of the request. Or says why no program is to be asked.
   * @param forwarded lines that say who asks, as for backends that speak HTTP
   * @param isSeen it is looked whether the script is there
   */
  static of(
    exchange: Exchange,
    forwarded: string,
    service: ProgramService,
    isSeen = false,
  ): GatewayHead | FailureCode {
    const { gateway } = service;
    if (gateway === undefined) return "NO_FILE";
    const asked = askedOf(exchange, gateway, isSeen);
    if (asked === undefined) return "NO_FILE";
    const params = paramsOf(exchange, { asked, gateway, forwarded });
    for (const { speaks = "fastcgi" } of service.backends) {
      // Of FastCGI everything can be said. The longest length there is counts with the rest.
      const fault =
        speaks === "fastcgi" ? undefined : paramsFault(speaks, [...measured, ...params]);
      if (fault !== undefined) return fault;
    }
    const { request } = exchange;
    const isMeasured = request.bodyLength !== 0 || request.fields.times(Field.CONTENT_LENGTH) > 0;
    return new GatewayHead(service, asked, params, isMeasured);
  }

  /** The complete params for one backend. @param bodyLength bytes; CHUNKED = nobody knows */
  textFor({ speaks = "fastcgi" }: Backend, bodyLength: number): string {
    if (!this.#isMeasured || bodyLength === CHUNKED) return encodeParams(speaks, this.#params);
    return encodeParams(speaks, ["CONTENT_LENGTH", String(bodyLength), ...this.#params]);
  }
}

// --- which program -------------------------------------------------------------------------------

/** undefined = there is none for this path. */
function askedOf(exchange: Exchange, gateway: GatewaySettings, isSeen: boolean): Asked | undefined {
  const mount = decoded(exchange.mount);
  if (mount === undefined) return undefined;
  const { root, script, extensions } = gateway;
  if (extensions.length === 0) {
    const pathInfo = exchange.path === "*" ? "" : decoded(exchange.path);
    if (pathInfo === undefined) return undefined;
    return {
      scriptName: mount,
      pathInfo,
      file: script === undefined ? "" : below(root, bytesOf(script)),
    };
  }
  // The same words say that a path is never read as a file.
  const path = decodeAsked(exchange.path);
  if (path === undefined) return undefined;
  if (script !== undefined) {
    const front = bytesOf(script.startsWith("/") ? script : `/${script}`);
    const pathInfo = path.startsWith(`${front}/`) ? path.slice(front.length) : "";
    return { scriptName: mount + front, pathInfo, file: below(root, front) };
  }
  const isFolder = path.endsWith("/") && gateway.index !== "";
  const found =
    scriptOf(path, extensions) ??
    (isFolder ? scriptOf(path + bytesOf(gateway.index), extensions) : undefined);
  if (found === undefined || (!isSeen && isBelowFile(found.script))) return undefined;
  return {
    scriptName: mount + found.script,
    pathInfo: found.pathInfo,
    file: below(root, found.script),
  };
}

function below(folder: string, path: string): string {
  const root = folder === "/" ? "" : bytesOf(folder);
  return `${root}${path.startsWith("/") ? path : `/${path}`}`;
}

/** What the configuration says, as params and paths have it: UTF-8, one character for each byte. */
export function bytesOf(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : Buffer.from(text).latin1Slice();
}

/**
 * Endings of what people upload, and of what stands beside scripts. PHP that does not find `photo.jpg/x.php` goes up and
 * runs `photo.jpg` (its `cgi.fix_pathinfo`), unless its `security.limit_extensions` keeps it from that. Where the files can
 * be looked at, it is asked whether the script exists; a program elsewhere is never asked for one below such a name.
 */
const fileEnding =
  /\.(?:jpe?g|png|gif|webp|avif|heic|svg|ico|bmp|tiff?|pdf|txt|md|csv|log|zip|gz|tgz|bz2|xz|7z|rar|tar|mp[34]|m4[av]|og[gv]|webm|wav|flac|avi|mov|mkv|docx?|xlsx?|pptx?|od[tsp]|rtf|html?|xml|json|css|js|woff2?|ttf|eot|psd|ics|vcf|eml|dat|bin|tmp)$/i;

function isBelowFile(script: string): boolean {
  const folders = script.split("/").slice(1, -1);
  return folders.some((each) => fileEnding.test(each.replace(/[. ]+$/, "")));
}

/** Once. undefined = it holds a segment `.` or `..`, or a control character: programs do not agree on what that means. */
function decoded(path: string): string | undefined {
  if (!path.includes("%")) return path;
  const text = path.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  // Of bytes, those from 80 on belong to letters.
  return /[^\P{Cc}\x80-\x9f]|(?:^|\/)\.\.?(?:\/|$)/u.test(text) ? undefined : text;
}

// --- what it is told -----------------------------------------------------------------------------

interface Told {
  readonly asked: Asked;
  readonly gateway: GatewaySettings;
  readonly forwarded: string;
}

function paramsOf(exchange: Exchange, { asked, gateway, forwarded }: Told): string[] {
  const { request, origin } = exchange;
  const { fields } = request;
  const ends = origin.ends?.();
  const isBehind = exchange.clientIp !== origin.peerIp;
  const secure = isSecure(exchange);
  const { scriptName, pathInfo, file } = asked;
  const host = hostWithoutPort(exchange).toLowerCase();
  const params = [
    "GATEWAY_INTERFACE", "CGI/1.1",
    "SERVER_SOFTWARE", software,
    "QUERY_STRING", request.query,
    "REQUEST_METHOD", request.method,
    "CONTENT_TYPE", fields.get("content-type") ?? "",
    "SCRIPT_NAME", scriptName,
    "PATH_INFO", pathInfo,
    "REQUEST_URI", requestUri(exchange),
    "DOCUMENT_URI", scriptName + pathInfo,
    "SERVER_PROTOCOL", request.protocol,
    "REQUEST_SCHEME", secure ? "https" : "http",
    "REMOTE_ADDR", exchange.clientIp,
    // Of a client behind another proxy nobody knows it.
    "REMOTE_PORT", isBehind ? "0" : String(ends?.peerPort ?? 0),
    "SERVER_ADDR", ends?.localIp ?? "",
    "SERVER_PORT", portOf(exchange, secure),
    "SERVER_NAME", host || ends?.localIp || "localhost",
    // PHP built with --enable-force-cgi-redirect wants it.
    "REDIRECT_STATUS", "200",
  ]; // prettier-ignore
  if (secure) params.push("HTTPS", "on");
  if (gateway.root !== "") {
    params.push("DOCUMENT_ROOT", bytesOf(gateway.root));
    if (pathInfo !== "") params.push("PATH_TRANSLATED", below(gateway.root, pathInfo));
  }
  if (file !== "") params.push("SCRIPT_FILENAME", file);
  addFields(params, exchange, forwarded);
  addOwn(params, gateway.params);
  return params;
}

/** As the client asked, whatever became of it here; dot segments are resolved, as in what routes were matched with. */
function requestUri({ request }: Exchange): string {
  const mark = request.target.indexOf("?");
  return mark < 0 ? request.rawPath : request.rawPath + request.target.slice(mark);
}

function portOf({ origin, request }: Exchange, secure: boolean): string {
  if (origin.isPeerTrusted) {
    const said = request.fields.first(Field.X_FORWARDED_PORT);
    if (/^\d{1,5}$/.test(said)) return said;
    if (secure !== origin.isSecure) return secure ? "443" : "80";
  }
  return String(origin.localPort);
}

/** Said otherwise, dropped, or between the client and us. */
const notPassed: ReadonlySet<FieldId> = new Set([
  Field.DROPPED,
  Field.HOST,
  Field.CONTENT_LENGTH,
  Field.TRANSFER_ENCODING,
  Field.EXPECT,
  Field.TRAILER,
]);

function addFields(params: string[], { request }: Exchange, forwarded: string): void {
  const from = params.length;
  const { fields, host } = request;
  if (host !== "") params.push("HTTP_HOST", host);
  for (let index = 0; index < fields.count; index++) {
    if (notPassed.has(fields.idAt(index))) continue;
    const name = variableOf(fields.nameAt(index));
    if (name !== "") addValue(params, from, name, fields.valueAt(index));
  }
  for (const line of forwarded.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) addValue(params, from, variableOf(line.slice(0, colon)), line.slice(colon + 2));
  }
}

/** Several fields of one name are one variable (RFC 3875 section 4.1.18). */
function addValue(params: string[], from: number, name: string, value: string): void {
  for (let at = from; at < params.length; at += 2) {
    if (params[at] !== name) continue;
    // RFC 9113 section 8.2.3: cookies that came apart.
    params[at + 1] += `${name === "HTTP_COOKIE" ? "; " : ", "}${value}`;
    return;
  }
  params.push(name, value);
}

/** Names that came before, with their variables. Clients choose them, so that there is an end to it. */
const variables = new Map<string, string>();
const mostVariables = 512;
const longestKept = 64;

/** "" = it is not passed on. */
function variableOf(name: string): string {
  let variable = variables.get(name);
  if (variable === undefined) {
    const upper = name.toUpperCase();
    const isTold = upper === "PROXY" || upper === "CONTENT-TYPE" || !/^[A-Z0-9-]+$/.test(upper);
    variable = isTold ? "" : `HTTP_${upper.replaceAll("-", "_")}`;
    // A copy: the name itself would keep the whole head that it is a part of.
    const isKept = variables.size < mostVariables && name.length <= longestKept;
    if (isKept) variables.set(Buffer.from(name, "latin1").latin1Slice(), variable);
  }
  return variable;
}

/** What the configuration says goes last, and "" takes a variable away. */
function addOwn(params: string[], own: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(own)) {
    // It is for the protocol, and no choice.
    if (name === "CONTENT_LENGTH") continue;
    const at = params.findIndex((each, index) => index % 2 === 0 && each === name);
    const bytes = bytesOf(value);
    if (at >= 0 && value === "") params.splice(at, 2);
    else if (at >= 0) params[at + 1] = bytes;
    else if (value !== "") params.push(name, bytes);
  }
}
