// Settings of `securityHeaders`.

import * as z from "zod";
import { report } from "../context.ts";
import type { Context } from "../context.ts";
import type { Path } from "../problem.ts";
import { flag, key, mapping, mustBe } from "../scalar.ts";
import { define, places } from "./definition.ts";
import { headerValue } from "./header-names.ts";
import type { SecurityHeadersUse } from "./uses/answer.ts";

const keys = [
  "contentTypeOptions",
  "referrerPolicy",
  "frameOptions",
  "permissionsPolicy",
  "openerPolicy",
  "resourcePolicy",
  "embedderPolicy",
  "csp",
  "cspReportOnly",
] as const;

type Key = (typeof keys)[number];

/** The fields that they set. */
const names: Readonly<Record<Key, string>> = {
  contentTypeOptions: "X-Content-Type-Options",
  referrerPolicy: "Referrer-Policy",
  frameOptions: "X-Frame-Options",
  permissionsPolicy: "Permissions-Policy",
  openerPolicy: "Cross-Origin-Opener-Policy",
  resourcePolicy: "Cross-Origin-Resource-Policy",
  embedderPolicy: "Cross-Origin-Embedder-Policy",
  csp: "Content-Security-Policy",
  cspReportOnly: "Content-Security-Policy-Report-Only",
};

type Values = Partial<Record<Key, string>>;

/** Nothing that a working site would notice. */
const basic: Values = {
  contentTypeOptions: "nosniff",
  referrerPolicy: "strict-origin-when-cross-origin",
  frameOptions: "SAMEORIGIN",
};

/** What OWASP recommends to a site that needs nothing from elsewhere. */
const strict: Values = {
  ...basic,
  referrerPolicy: "no-referrer",
  frameOptions: "DENY",
  permissionsPolicy:
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
  openerPolicy: "same-origin",
  resourcePolicy: "same-origin",
  csp: "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
};

/** They only say what runs here. */
const telling = [
  "server",
  "x-powered-by",
  "x-aspnet-version",
  "x-aspnetmvc-version",
  "x-generator",
];

const preset = z.enum(["basic", "strict", "none"], {
  error: mustBe({ what: "basic, strict or none" }),
});

const field = (name: string) =>
  key(
    z.union([headerValue, z.literal(false)], { error: mustBe({ what: "a text, or false" }) }),
    `Value of ${name}; false leaves it out.`,
  );

const whole = mapping({
  preset: key(preset, "What is set where nothing else is said.", "basic"),
  contentTypeOptions: field(names.contentTypeOptions),
  referrerPolicy: field(names.referrerPolicy),
  frameOptions: field(names.frameOptions),
  permissionsPolicy: field(names.permissionsPolicy),
  openerPolicy: field(names.openerPolicy),
  resourcePolicy: field(names.resourcePolicy),
  embedderPolicy: field(names.embedderPolicy),
  csp: field(names.csp),
  cspReportOnly: field(names.cspReportOnly),
  hideServer: key(flag(), "Takes out Server, X-Powered-By and the like; `strict` does."),
  override: key(flag(), "Also where the backend says something else.", false),
});

type Written = z.output<typeof whole>;

const settings = z.union(
  [
    z.literal(true).transform((): Written => ({})),
    preset.transform((name): Written => ({ preset: name })),
    whole,
  ],
  { error: mustBe({ what: "basic, strict, or a mapping" }) },
);

export const securityHeaders = define({
  kind: "securityHeaders",
  summary: "Tells browsers to be careful with answers, where the backend does not.",
  settings,
  place: places.answer + 10,
  resolve(input: Written, context: Context, path: Path): SecurityHeadersUse | undefined {
    const { preset: chosen = "basic", hideServer = chosen === "strict", override = false } = input;
    const usual = chosen === "none" ? {} : chosen === "strict" ? strict : basic;
    const fields = keys.flatMap((name): (readonly [string, string])[] => {
      const value = input[name] ?? usual[name];
      return value === undefined || value === false ? [] : [[names[name], value]];
    });
    if (fields.length === 0 && !hideServer) {
      report(context, path, { message: "sets nothing", remedy: "write basic or strict" });
      return undefined;
    }
    return { kind: "securityHeaders", fields, remove: hideServer ? telling : [], override };
  },
});
