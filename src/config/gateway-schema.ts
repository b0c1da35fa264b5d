// The schema of `fastcgi`, `scgi` and `uwsgi`: programs that are asked without HTTP. What needs more than one key is
// checked in `resolve-gateway.ts`.

import * as z from "zod";
import { refuseTwice } from "./backend-list.ts";
import { parseGatewayUrl } from "./backend-url.ts";
import type { GatewayProtocol } from "./gateway.ts";
import { filePath, flag, integer, joinFault, key, list, mapping, mustBe } from "./scalar.ts";
import { oneOrMore, parsed, text } from "./scalar.ts";
import type { Backend } from "./service.ts";

const usual = { weight: 1, tier: 0 } as const;

const forms = "write unix:/PATH or HOST:PORT";

const extension = parsed({ what: "an ending", remedy: "write .php" }, (value, refuse) => {
  const bare = value.replace(/^\./, "");
  return /^[^./\s\p{Cc}$*?]+$/u.test(bare)
    ? `.${bare.toLowerCase()}`
    : refuse(`${JSON.stringify(value)} is not the ending of a file`, "write .php");
});

const extensions = z.union(
  [
    extension.transform((one) => [one]),
    z.array(extension, { error: mustBe({ what: "a list of endings" }) }),
  ],
  { error: mustBe({ what: "an ending or a list of them", remedy: "write [.php]" }) },
);

function plainPath(value: string, refuse: (message: string, remedy?: string) => undefined) {
  const shown = JSON.stringify(value);
  if (!value.startsWith("/")) return refuse(`${shown} is not a path under root`, `write /${value}`);
  if (/[\p{Cc}\\*$?]/u.test(value)) return refuse(`${shown} has a control, \\, *, $ or ?`);
  if (value.split("/").some((name) => name === "." || name === "..")) {
    return refuse(`${shown} has a "." or ".." in it`, "write the path without it");
  }
  return value.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
}

const scriptPath = parsed({ what: "a path", remedy: "write /index.php" }, plainPath);
const folderPath = parsed({ what: "a folder", remedy: "write /uploads" }, plainPath);

const indexName = parsed({ what: "the name of a file" }, (value, refuse) =>
  value === "." || value === ".." || /[/\p{Cc}$*?]/u.test(value)
    ? refuse(`${JSON.stringify(value)} is not the name of a file`, "write index.php")
    : value,
);

/** Names as CGI has them (RFC 3875 section 4.1); programs see them as variables. */
const params = z
  .record(z.string(), text({ what: "a text", remedy: 'put it in quotes: "1"' }), {
    error: mustBe({
      what: "a mapping of name to value",
      remedy: 'write { APP_ENV: "production" }',
    }),
  })
  .superRefine((all, context) => {
    for (const [name, value] of Object.entries(all)) {
      const refuse = (message: string, remedy: string) =>
        context.addIssue({ code: "custom", path: [name], message: joinFault(message, remedy) });
      if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
        refuse(`${JSON.stringify(name)} is not the name of a param`, "use A to Z, 0 to 9 and _");
      } else if (name.toUpperCase() === "HTTP_PROXY") {
        const message = "HTTP_PROXY is never passed: programs would take it for their own proxy";
        refuse(message, "leave it out (https://httpoxy.org)");
      } else if (/[\0\r\n]/.test(value)) refuse(`${name} has a NUL or a line end`, "leave it out");
    }
  });

/** Whatever is spoken. */
export const gatewayKeys = {
  root: key(
    filePath(),
    "Folder of the scripts as the program itself calls it. Without it: `files.root`, where there are `extensions` or a `script`.",
  ),
  index: key(
    indexName,
    "The script of paths that end in a slash. Without it: `index.php` where `.php` is among `extensions`.",
  ),
  extensions: key(
    extensions,
    "Endings of scripts; what follows one in a path is PATH_INFO. `[]` = all of the path is, as for Python. Without it: with FastCGI and a `root` `[.php]`, otherwise `[]`.",
  ),
  script: key(
    scriptPath,
    "The one script, a path under `root`, that answers every path, which it is told as PATH_INFO.",
  ),
  params: key(
    params,
    'Params besides the usual ones, or instead of them: `{ APP_ENV: "production" }`; an empty text = not passed.',
  ),
  streamsUnknownLength: key(
    flag(),
    "Passes a body on as it comes when the client does not say how long it is; otherwise it is gathered first, since most programs believe it to be empty.",
    false,
  ),
  multiplex: key(
    flag(),
    "FastCGI: several requests at once on one connection, where the program says that it can. PHP cannot.",
    false,
  ),
  sendFiles: key(
    filePath(),
    "Folder with what the program may have us send by X-Accel-Redirect or X-Sendfile, a path of the `container`. Without it: nothing.",
  ),
  neverIn: key(
    oneOrMore(folderPath, { what: "a folder or a list of them", remedy: "write /uploads" }),
    "With `files`: folders under root in which nothing is run and no script is given away, such as uploads.",
  ),
};

function gatewayOf(speaks: GatewayProtocol) {
  const url = parsed({ what: `where ${speaks} is spoken`, remedy: forms }, (value, refuse) =>
    parseGatewayUrl(value, speaks, refuse),
  ).meta({ title: "program" });
  const backend = z.union(
    [
      url.transform((one): Backend => ({ ...one, ...usual })),
      mapping({
        url: url.meta({ description: `Where it is: ${forms.replace("write ", "")}.` }),
        weight: key(integer(0, 1000), "As `backends.weight`.", usual.weight),
        tier: key(integer(0, 9), "As `backends.tier`.", usual.tier),
      }).transform(({ url: one, weight, tier }): Backend => ({
        ...one,
        weight: weight ?? usual.weight,
        tier: tier ?? usual.tier,
      })),
    ],
    { error: mustBe({ what: "an address or { url, weight, tier }", remedy: forms }) },
  );
  const backends = oneOrMore(backend, {
    what: "an address or a list of them",
    remedy: forms,
  }).superRefine(refuseTwice);
  const whole = mapping({
    backends: key(
      backends,
      "Where it is: `unix:/PATH` (of the `container`, if one is named), `HOST:PORT`, or a list of them. *Required* without a `preset` that knows it.",
    ),
    ...gatewayKeys,
  });
  type Whole = z.output<typeof whole>;
  return z.union(
    [
      url.transform((one): Whole => ({ backends: [{ ...one, ...usual }] })),
      list(backend, { what: "a list of addresses", remedy: forms })
        .superRefine(refuseTwice)
        .transform((all): Whole => ({ backends: all })),
      whole,
    ],
    { error: mustBe({ what: "an address, a list of addresses or a mapping", remedy: forms }) },
  );
}

export const fastcgi = gatewayOf("fastcgi");
export const scgi = gatewayOf("scgi");
export const uwsgi = gatewayOf("uwsgi");

export type GatewayInput = z.output<typeof fastcgi>;
