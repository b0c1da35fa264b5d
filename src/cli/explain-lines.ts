// An explanation of a request as lines for people.

import type {
  CandidateStep,
  Explanation,
  MiddlewareStep,
  ServiceStep,
} from "../explain/explanation.ts";
import { type Colour, paint } from "./paint.ts";
import { plain } from "./plain.ts";

const width = 13;
/** Of the settings of a middleware, characters: what is longer is in `tidegate routes`. */
const mostSettings = 120;

export function explanationLines(explanation: Explanation): readonly string[] {
  const { request, fault, listener, certificate, route, answer, hints } = explanation;
  const title = painted("bold", plain(`${request.method} ${request.url}`));
  if (fault !== null) return [title, line("refused", painted("red", plain(fault)))];
  const name = listener.name ?? "none";
  return [
    title,
    line("listener", plain(`${name} ${listener.bind.join(" ")} (${listener.why})`)),
    line("client", plain(`${request.client} (${request.clientWhy})`)),
    ...(certificate === null ? [] : [certificateLine(certificate)]),
    line("asks for", plain(`host ${request.host || "(none)"}, path ${request.path}`)),
    ...candidateLines(explanation),
    route === null
      ? line("route", painted("red", "none"))
      : line(
          "route",
          `${painted("green", plain(route.name))} ${painted("grey", plain(`(${route.place}; ${route.why})`))}`,
        ),
    ...explanation.middlewares.map(middlewareLine),
    ...(answer === null ? [] : [line("answer", plain(answerText(answer)))]),
    ...(explanation.path === null
      ? []
      : [line("path", plain(`${explanation.path} (for the backend)`))]),
    ...explanation.services.flatMap(serviceLines),
    ...hints.map((hint) => line("hint", painted("yellow", plain(hint)))),
  ];
}

function line(what: string, text: string): string {
  return `${what.padEnd(width)} ${text}`;
}

function painted(colour: Colour, text: string): string {
  return paint(process.stdout, colour, text);
}

function certificateLine({ names, until, why }: NonNullable<Explanation["certificate"]>): string {
  const shown = names.length === 0 ? "none" : names.join(", ");
  const end = until === null ? "" : `, until ${until.slice(0, 10)}`;
  return line("certificate", plain(`${shown}${end} (${why})`));
}

function candidateLines({ candidates, moreCandidates }: Explanation): readonly string[] {
  const more =
    moreCandidates === 0 ? [] : [line("", painted("grey", `and ${moreCandidates} more`))];
  return [...candidates.map(candidateLine), ...more];
}

const marks = {
  wins: ["green", "takes it"],
  outranked: ["yellow", "too"],
  fails: ["grey", "no"],
} as const;

function candidateLine({ name, outcome, clause, why, rule }: CandidateStep): string {
  const [colour, word] = marks[outcome];
  const because = outcome === "wins" ? rule : clause === "" ? why : `${clause}: ${why}`;
  return line("candidate", `${painted(colour, word.padEnd(8))} ${plain(`${name}  ${because}`)}`);
}

const words: Readonly<Record<MiddlewareStep["outcome"], readonly [Colour, string]>> = {
  passes: ["green", "passes"],
  answers: ["yellow", "answers"],
  depends: ["yellow", "depends"],
  unreached: ["grey", "unreached"],
};

function middlewareLine({ kind, owner, does, outcome, effect, settings }: MiddlewareStep): string {
  const [colour, word] = words[outcome];
  const said = effect === "" ? does : effect;
  const details = outcome === "unreached" || settings === null ? "" : ` ${settingsText(settings)}`;
  return line(
    "middleware",
    `${painted(colour, word.padEnd(9))} ${plain(`${kind} (${owner}): ${said}`)}${painted("grey", plain(details))}`,
  );
}

function answerText({ status, location, by }: NonNullable<Explanation["answer"]>): string {
  const what = status === 0 ? "the connection is closed" : String(status);
  return `${what}${location === null ? "" : ` to ${location}`} (${by})`;
}

function serviceLines({
  name,
  kind,
  state,
  how,
  backends,
  moreBackends,
  parts,
}: ServiceStep): readonly string[] {
  const now = state === null ? "" : `, ${state}`;
  const more = moreBackends === 0 ? [] : [line("", painted("grey", `and ${moreBackends} more`))];
  const eligible = (isEligible: boolean, text: string) =>
    `  ${painted(isEligible ? "green" : "grey", isEligible ? "may be asked" : "is not asked")} ${plain(text)}`;
  return [
    line("service", plain(`${name} (${kind}${now}): ${how}`)),
    ...backends.map(({ url, isEligible, why, weight, tier }) =>
      line("", eligible(isEligible, `${url}  weight ${weight}, tier ${tier}: ${why}`)),
    ),
    ...more,
    ...parts.map((part) => line("", eligible(part.isEligible, `${part.name}: ${part.why}`))),
  ];
}

function settingsText(settings: unknown): string {
  const text = JSON.stringify(settings) ?? "";
  return text.length > mostSettings ? `${text.slice(0, mostSettings)}…` : text;
}
