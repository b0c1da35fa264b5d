// The static table of HPACK (RFC 7541 appendix A), and what an entry of either table is.

export interface HpackField {
  readonly name: string;
  readonly value: string;
  /** As RFC 7541 section 4.1 counts, bytes. */
  readonly size: number;
}

/** What an entry costs beyond its name and value (RFC 7541 section 4.1), bytes. */
const overhead = 32;

export function hpackField(name: string, value: string): HpackField {
  return { name, value, size: name.length + value.length + overhead };
}

/** One entry a line: a name, and after a space its value where it has one. */
const entries = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** From 1 on; nothing stands at 0. */
export const staticTable: readonly (HpackField | undefined)[] = [undefined, ...read()];

/** Index of the last entry; the dynamic table begins behind it. */
export const staticCount = staticTable.length - 1;

function read(): HpackField[] {
  return entries.split("\n").map((line) => {
    const space = line.indexOf(" ");
    return space === -1
      ? hpackField(line, "")
      : hpackField(line.slice(0, space), line.slice(space + 1));
  });
}
