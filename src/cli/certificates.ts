// `tidegate certs`: what clients can be shown, until when, and what is wrong with it. Names and issuers are foreign text.

import { readCertificates } from "../admin/certificates-answer.ts";
import type { CertificateRow } from "../admin/operations.ts";
import { type Column, fittedTable, terminalWidth } from "./fitted-table.ts";
import { outcomeOf, tellOutcome } from "./outcome.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";
import {
  ask,
  type CommandOptions,
  placeOf,
  printJson,
  refusedCode,
  understood,
} from "./running.ts";

const out = process.stdout;

/** Returns the exit code. */
export async function certificates(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/certificates", timeoutMs: 10_000 });
  const rows = understood(answer, readCertificates);
  if (options.json) printJson(answer.body);
  else out.write(`${(rows.length === 0 ? [none] : linesOf(rows)).join("\n")}\n`);
  return rows.some(isBad) ? refusedCode : 0;
}

/** Returns the exit code. */
export async function renew(certificate: string, options: CommandOptions): Promise<number> {
  const question = {
    route: "/v1/certificates/renew",
    method: "POST",
    body: { certificate },
  } as const;
  return tellOutcome(await outcomeOf(placeOf(options), question), options);
}

const none = `there is no certificate: none is configured, or no file of the folders that are named ends in .pem, .crt or .cer.
Say where TLS is spoken, and where they are; or write tls: auto in a route

tls:
  certificates: /etc/tidegate/certs
listeners:
  secure: { bind: ":443", tls: true }`;

function isBad({ state, isNeeded }: CertificateRow): boolean {
  return isNeeded && ["expired", "unusable", "waiting"].includes(state);
}

const colours: Readonly<Record<CertificateRow["state"], Colour>> = {
  ok: "green",
  "expires soon": "yellow",
  expired: "red",
  "not yet valid": "yellow",
  unusable: "red",
  ordering: "yellow",
  waiting: "red",
};

const columns: readonly Column<CertificateRow>[] = [
  { title: "NAMES", cell: namesOf, least: 20, cut: "end" },
  {
    title: "STATE",
    cell: stateOf,
    paint: (cell, { state, isNeeded }) => paint(out, isNeeded ? colours[state] : "grey", cell),
  },
  { title: "UNTIL", cell: ({ until = "" }) => until.slice(0, 10) },
  { title: "KIND", cell: ({ kind = "" }) => kind, rank: 1 },
  { title: "ISSUER", cell: ({ issuer }) => issuer, least: 10, cut: "end", rank: 2 },
  { title: "SOURCE", cell: ({ source }) => source, least: 16, cut: "middle", rank: 3 },
];

const mostNotes = 50;

/** Why a state is no good stands below the table, in full; what is odd and does no harm comes after that. */
function linesOf(rows: readonly CertificateRow[]): readonly string[] {
  const { lines } = fittedTable(columns, rows, terminalWidth());
  const rank = ({ state }: CertificateRow) => (state === "ok" ? 1 : 0);
  const notes = rows
    .filter(({ why }) => why !== "")
    .sort((a, b) => rank(a) - rank(b))
    .map(({ source, why }) => `${plain(source)}: ${plain(why)}`);
  if (notes.length === 0) return lines;
  const all = [...new Set(notes)];
  const more = all.length - mostNotes;
  const rest = more > 0 ? [paint(out, "grey", `and ${more} more; --json has all`)] : [];
  return [...lines, "", ...all.slice(0, mostNotes), ...rest];
}

function namesOf({ names }: CertificateRow): string {
  const [first = "-", ...others] = names;
  return others.length === 0 ? first : `${first} +${others.length}`;
}

/** What nobody needs does no harm, whatever is wrong with it. */
function stateOf({ state, isNeeded }: CertificateRow): string {
  if (isNeeded) return state;
  return state === "ok" ? "unused" : `unused, ${state}`;
}
