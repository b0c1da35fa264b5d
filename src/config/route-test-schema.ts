// The schema of `tests`: requests, and what has to become of them with every configuration that is to go live.

import * as z from "zod";
import { isAddress } from "../lib/ip.ts";
import { explainLimits, routeTestLimits } from "./explain-limits.ts";
import { integer, joinFault, key, list, mapping, mustBe, on, parsed, text } from "./scalar.ts";

const urlText = parsed(
  { what: "a URL", remedy: "write https://www.example.com/path" },
  (value, refuse) =>
    /^(?:https?|wss?):\/\/[^\s/?#]+\S*$/i.test(value) && value.length <= explainLimits.url
      ? value
      : refuse(
          `${JSON.stringify(value.slice(0, 60))} is no URL`,
          "write https://www.example.com/path",
        ),
);

const methodText = parsed({ what: "a method" }, (value, refuse) =>
  /^[A-Z]{1,32}$/.test(value) ? value : refuse("a method is in capitals", "write GET"),
);

const fromText = parsed({ what: "an IP address" }, (value, refuse) =>
  isAddress(value)
    ? value
    : refuse(`${JSON.stringify(value)} is no IP address`, "write 203.0.113.7"),
);

const fieldName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "is no name of a header");
const fieldValue = text({ what: "a text" }).regex(/^[^\r\n\0]*$/, "a header is one line");

const requestMapping = mapping({
  method: key(methodText, "What the client asks with.", "GET"),
  url: urlText.meta({ description: "What it asks for." }),
  headers: key(
    z.record(fieldName, fieldValue, { error: mustBe({ what: "a mapping of header to value" }) }),
    "Header fields that it sends. `Host` is that of the URL.",
  ),
  from: key(fromText, "IP address of whoever connects. Without it: somebody on the internet."),
  listener: key(
    text({ what: "a name" }),
    "Listener that it comes to. Without it: the one for the URL.",
  ),
});

/** `GET https://a.example/x`, or the URL alone. */
const requestText = parsed(
  { what: "a method and a URL", remedy: "write GET https://www.example.com/path" },
  (value, refuse) => {
    const [, method = "GET", url = ""] = /^(?:([A-Z]+) +)?(\S+)$/.exec(value.trim()) ?? [];
    if (!/^(?:https?|wss?):\/\/[^\s/?#]+/i.test(url) || url.length > explainLimits.url) {
      const what = JSON.stringify(value.slice(0, 60));
      return refuse(`${what} is no method and URL`, "write GET https://www.example.com/path");
    }
    return { method, url };
  },
);

const expectation = mapping({
  route: key(text({ what: "the name of a route" }), "Name of the route that takes it."),
  service: key(text({ what: "the name of a service" }), "Name of the service that is asked."),
  status: key(
    integer(100, 599),
    "Status that it is answered with before any service is asked: of a redirect, a refusal, or 404 without a route.",
  ),
  location: key(text({ what: "a URL" }), "Where it is sent, by a redirect."),
  path: key(text({ what: "a path" }), "Path that the backend is asked for, after rewrites."),
  none: key(on(), "No route takes it."),
});

export const routeTests = list(
  mapping({
    name: key(text({ what: "a name" }), "What it is called in messages. Without it: the request."),
    request: z
      .union([requestText, requestMapping], {
        error: mustBe({
          what: "a method and a URL, or a mapping",
          remedy: "write GET https://www.example.com/",
        }),
      })
      .meta({ description: "`METHOD URL`, or a mapping." }),
    expect: expectation.meta({ description: "What has to become of it; all that is said here." }),
  }),
  { what: "a list of tests", remedy: "write - request: … and expect: …" },
).max(routeTestLimits.tests, joinFault(`may have ${routeTestLimits.tests} tests`));

export type RouteTestInput = z.output<typeof routeTests>[number];
