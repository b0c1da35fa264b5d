// Settings of `errors`.

import { resolve } from "node:path";
import type * as z from "zod";
import { errorPageLimits } from "../answer-limits.ts";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import { statuses } from "../http-scalar.ts";
import type { Path } from "../problem.ts";
import { checkServiceName } from "../resolve-group.ts";
import { filePath, flag, integer, key, mapping, parsed } from "../scalar.ts";
import { formatSize } from "../../lib/size.ts";
import { define, places } from "./definition.ts";
import { headerValue } from "./header-names.ts";
import type { ErrorsPage, ErrorsUse } from "./uses/answer.ts";

const text = parsed({ what: "a text" }, (value, refuse) =>
  Buffer.byteLength(value) > errorPageLimits.page
    ? refuse(`is longer than ${formatSize(errorPageLimits.page)}`)
    : value,
);

const name = parsed({ what: "the name of a service" }, (value, refuse) =>
  value === "" ? refuse("is empty") : value,
);

const uri = parsed({ what: "a path" }, (value, refuse) =>
  /^\/(?!\/)[\w.~!$&'()*+,;=:@%/?{}-]*$/.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not a path`, "write /errors/{status}.html"),
);

const settings = mapping({
  statuses: key(statuses(400), "Of which answers.", ["500-599"]),
  folder: key(
    filePath(),
    "Where the pages are: `404.html`, `5xx.html` or `default.html`. Whatever has none keeps its own.",
  ),
  text: key(text, "The page itself. It may hold `{status}`, `{host}` and `{path}`."),
  service: key(name, "A service that has the pages. What it cannot give is a plain one of ours."),
  path: key(uri, "Where it has them; `{status}` stands for the status.", "/{status}.html"),
  contentType: key(
    headerValue,
    "What `text`, or what the service gives, is.",
    "text/html; charset=utf-8",
  ),
  status: key(integer(200, 599), "Status of the answer instead of the one it has."),
  htmlOnly: key(flag(), "Only for those who read HTML: programs get what was answered.", false),
});

export const errors = define({
  kind: "errors",
  summary: "Shows your own pages in the place of answers that say something went wrong.",
  settings,
  place: places.answer + 50,
  guarded: [["folder"], ["service"]],
  asks: [["service"]],
  resolve(input: z.output<typeof settings>, context: Context, path: Path): ErrorsUse | undefined {
    const page = pageOf(input, context, path);
    if (page === undefined) return undefined;
    const { statuses: wanted = [[500, 599]], status, htmlOnly = false } = input;
    if (status === 204 || status === 205 || status === 304) {
      const message = `${status} says that there is no page`;
      report(context, [...path, "status"], { message, remedy: "write 200 or 404" });
      return undefined;
    }
    return { kind: "errors", statuses: wanted, page, status, isHtmlOnly: htmlOnly };
  },
});

function pageOf(
  { folder, text: own, service, path: place, contentType }: z.output<typeof settings>,
  context: Context,
  path: Path,
): ErrorsPage | undefined {
  const type = contentType ?? "text/html; charset=utf-8";
  const count = [folder, own, service].filter((each) => each !== undefined).length;
  if (count !== 1) {
    const message = count === 0 ? "has no page" : "has more than one page";
    const remedy = "write one of folder: PATH, text: PAGE and service: NAME";
    report(context, path, { message, remedy });
    return undefined;
  }
  if (folder !== undefined) return { from: "folder", folder: resolve(context.baseFolder, folder) };
  if (own !== undefined) return { from: "text", text: own, contentType: type };
  if (service === undefined) return undefined;
  const at = [...path, "service"];
  if (!checkServiceName(context, service, at)) return undefined;
  context.uses.push({ service, protocol: "http", path: at });
  return { from: "service", service, uri: place ?? "/{status}.html", contentType: type };
}
