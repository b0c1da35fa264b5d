// The schema of `files`: a folder whose files are the answers. What needs more than one key is checked in
// `resolve-files.ts`.

import * as z from "zod";
import { defaultShown, hiddenWithoutPhp, usualCompressions } from "./files.ts";
import { isToken } from "./http-scalar.ts";
import { filePath, flag, joinFault, key, mapping, mustBe, oneOrMore } from "./scalar.ts";
import { parsed } from "./scalar.ts";
import { tryStep } from "./try-step.ts";

/** A name of a file or folder, with `*` and `?`. */
const namePattern = parsed({ what: "a name", remedy: 'write ".*"' }, (value, refuse) => {
  const shown = JSON.stringify(value);
  if (value === "") return refuse("the name is empty");
  if (/\p{Cc}/u.test(value)) return refuse(`${shown} has a control character`);
  return value.includes("/")
    ? refuse(`${shown} has a slash, and names are looked at one by one`, "write the name alone")
    : value;
});

const names = z.array(namePattern, {
  error: mustBe({ what: "a list of names", remedy: 'write [".*", "*.bak"]' }),
});

const indexName = parsed(
  { what: "the name of a file", remedy: "write index.html" },
  (value, refuse) =>
    value === "" || value === "." || value === ".." || /[/\p{Cc}$*?]/u.test(value)
      ? refuse(`${JSON.stringify(value)} is not the name of a file`, "write index.html")
      : value,
);

const index = z.union(
  [
    indexName.transform((one) => [one]),
    z.array(indexName, { error: mustBe({ what: "a list of names" }) }),
  ],
  { error: mustBe({ what: "the name of a file or a list of them", remedy: "write index.html" }) },
);

const precompressed = z.union(
  [
    flag().transform((isOn) => (isOn ? [...usualCompressions] : [])),
    z.array(z.enum(usualCompressions)),
  ],
  {
    error: mustBe({
      what: `true, false or a list of ${usualCompressions.join(", ")}`,
      remedy: "write true",
    }),
  },
);

// What may stand in a field value (RFC 9110 section 5.5).
const fieldValue = parsed(
  { what: "a value of Cache-Control", remedy: 'write "max-age=3600"' },
  (value, refuse) =>
    /^[\x20-\x7e]*$/.test(value)
      ? value.trim()
      : refuse(`${JSON.stringify(value)} has a line end or a letter beyond ASCII`),
);

const cacheControl = z.union(
  [
    fieldValue.transform((value) => ({ "*": value })),
    z
      .record(z.string(), fieldValue, {
        error: mustBe({ what: "a mapping of pattern to value" }),
      })
      .superRefine((all, context) => {
        for (const pattern of Object.keys(all)) {
          if (/^[/*]/.test(pattern) && !/\p{Cc}/u.test(pattern)) continue;
          const message = joinFault(
            `${JSON.stringify(pattern)} is not a pattern of paths`,
            `write "/${pattern}" or "*${pattern}"`,
          );
          context.addIssue({ code: "custom", path: [pattern], message });
        }
      }),
  ],
  {
    error: mustBe({
      what: "a text, or a mapping of pattern to text",
      remedy: 'write { "/assets/*": "max-age=31536000, immutable" }',
    }),
  },
);

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\x20-\x7e]*)?$/;

const types = z
  .record(
    z.string(),
    parsed({ what: "a media type", remedy: "write text/plain" }, (value, refuse) =>
      mediaType.test(value)
        ? value
        : refuse(`${JSON.stringify(value)} is not a media type`, "write text/plain"),
    ),
    {
      error: mustBe({
        what: "a mapping of ending to media type",
        remedy: "write { md: text/markdown }",
      }),
    },
  )
  .superRefine((all, context) => {
    for (const ending of Object.keys(all)) {
      if (/^\.?[^./\s\p{Cc}]+$/u.test(ending)) continue;
      const message = joinFault(`${JSON.stringify(ending)} is not an ending`, "write md");
      context.addIssue({ code: "custom", path: [ending], message });
    }
  });

const charset = parsed({ what: "a charset", remedy: "write utf-8" }, (value, refuse) =>
  value === "" || isToken(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not a charset`, "write utf-8"),
);

export const filesMapping = mapping({
  root: key(
    filePath(),
    "The folder: an absolute path of the `container`; without one of this machine. *Required* without a `preset` that knows it.",
  ),
  index: key(
    index,
    "Looked for in a folder, in this order. With PHP: `[index.php, index.html]`.",
    "index.html",
  ),
  try: key(
    oneOrMore(tryStep, { what: "a step or a list of steps", remedy: "write [$path, $path/]" }),
    "What is looked for, in order: `$path`, `$path/` (a folder with an index), `$path.html`, `/index.php?$query`; last perhaps `@SERVICE` or `=404`. `@scripts` is the program of this service. Without it: `[$path, $path/]`, and with a program without `extensions` `[$path, @scripts]`.",
  ),
  spa: key(flag(), "An application of one page: `try` is `[$path, $path/, /index.html]`.", false),
  listing: key(flag(), "A folder without an index shows what is in it.", false),
  precompressed: key(
    precompressed,
    "Files beside a file that end so (`.br`, `.zst`, `.gz`) are sent in its place to who takes them; `true` = all of `[br, zstd, gzip]`.",
    false,
  ),
  hidden: key(
    names,
    'Names of files and folders, with `*` and `?`, that nobody gets; whatever is below them does not exist. Where `.php` is run it is `[".*"]`; beside a program without `extensions` other sources (`*.py` …) and databases are among them.',
    hiddenWithoutPhp,
  ),
  shown: key(names, "Names that are served although `hidden` has them.", defaultShown),
  cacheControl: key(
    cacheControl,
    'What Cache-Control says: a text for all, or a mapping of pattern to text, of which the first that fits counts: `{ "/assets/*": "max-age=31536000", "*": no-cache }`. An empty text = the field is not sent.',
  ),
  types: key(types, "Further media types by ending: `{ md: text/markdown }`."),
  charset: key(charset, 'What texts are said to be in; `""` = nothing is said.', "utf-8"),
});

export type FilesInput = z.output<typeof filesMapping>;

export const files = z.union(
  [filePath().transform((root): FilesInput => ({ root })), filesMapping],
  { error: mustBe({ what: "a folder or a mapping with root", remedy: "write /var/www" }) },
);
