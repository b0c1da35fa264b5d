// An explanation as steps to read from above to below, in the order in which they happen.

import type { ComponentChildren } from "preact";
import type {
  CandidateStep,
  Explanation,
  MiddlewareStep,
  ServiceStep,
} from "../../../src/explain/explanation.ts";
import { count, date } from "../format.ts";
import { Icon, type IconName } from "../kit/icon.tsx";
import { Badge, Notice, type Tone } from "../kit/notice.tsx";
import { href } from "../router.ts";

export function ExplanationSteps({ found }: { readonly found: Explanation }) {
  const { request, fault, hints } = found;
  return (
    <div class="stack">
      <Verdict found={found} />
      {fault !== null && <Notice tone="bad">{fault}</Notice>}
      {hints.map((hint) => (
        <Notice key={hint} tone="warn">
          {hint}
        </Notice>
      ))}
      <ol class="card timeline">
        <Step icon="user" title="Client" value={request.client}>
          {request.clientWhy}
        </Step>
        <Step
          icon="link"
          title="Listener"
          value={found.listener.name ?? "none"}
          tone={found.listener.name === null ? "bad" : "good"}
        >
          {found.listener.bind.length > 0 && <code>{found.listener.bind.join(", ")} </code>}
          {found.listener.why}
        </Step>
        {found.certificate !== null && <CertificateView {...found.certificate} />}
        <RouteView found={found} />
        {found.middlewares.length > 0 && (
          <Step icon="middlewares" title="Middlewares" value={count(found.middlewares.length)}>
            <ul class="explain-list">
              {found.middlewares.map((each, index) => (
                <MiddlewareView key={index} step={each} />
              ))}
            </ul>
          </Step>
        )}
        {found.path !== null && (
          <Step icon="edit" title="Asked of the backend" value={found.path}>
            {found.path === request.path ? "The path stays as it is." : `It was ${request.path}.`}
          </Step>
        )}
        {found.answer !== null && (
          <Step
            icon="check"
            title="Answer"
            value={found.answer.status === 0 ? "closed" : found.answer.status}
            tone={found.answer.status >= 400 || found.answer.status === 0 ? "warn" : "good"}
          >
            by {found.answer.by}
            {found.answer.location !== null && (
              <>
                , to <code>{found.answer.location}</code>
              </>
            )}
          </Step>
        )}
        {found.services.map((each) => (
          <ServiceView key={each.name} service={each} />
        ))}
      </ol>
    </div>
  );
}

function Verdict({ found: { route, services, answer } }: { readonly found: Explanation }) {
  if (answer !== null) {
    const what =
      answer.status === 0 ? "The connection is closed" : `Answered with ${answer.status}`;
    return (
      <Notice tone={answer.status >= 400 || answer.status === 0 ? "warn" : "good"}>
        <strong>
          {what} by {answer.by}.
        </strong>{" "}
        No backend is asked.
      </Notice>
    );
  }
  if (route === null) return <Notice tone="warn">No route takes it.</Notice>;
  const [service] = services;
  return (
    <Notice tone={service?.state === "down" ? "warn" : "good"}>
      <strong>{route.name}</strong> takes it
      {service !== undefined && (
        <>
          {" "}
          and asks <strong>{service.name}</strong>
          {service.state === "down" && ", which is down"}
        </>
      )}
      .
    </Notice>
  );
}

interface StepProps {
  readonly icon: IconName;
  readonly title: string;
  readonly value: ComponentChildren;
  readonly tone?: Tone;
  readonly children?: ComponentChildren;
}

function Step({ icon, title, value, tone = "plain", children }: StepProps) {
  return (
    <li>
      <span class={`timeline-mark ${tone}`}>
        <Icon name={icon} />
      </span>
      <div class="timeline-body">
        <h2>
          <span class="muted">{title}</span> <span class="wrap">{value}</span>
        </h2>
        <div class="wrap">{children}</div>
      </div>
    </li>
  );
}

function CertificateView({ names, until, why }: NonNullable<Explanation["certificate"]>) {
  return (
    <Step
      icon="certificates"
      title="Certificate"
      value={names.join(", ") || "none"}
      tone={names.length === 0 ? "bad" : "good"}
    >
      {why}
      {until !== null && <span class="muted"> Until {date(until)}.</span>}
    </Step>
  );
}

function RouteView({ found }: { readonly found: Explanation }) {
  const { route, candidates, moreCandidates } = found;
  return (
    <Step
      icon="routes"
      title="Route"
      value={route === null ? "none" : <a href={href("routes", route.name)}>{route.name}</a>}
      tone={route === null ? "bad" : "good"}
    >
      {route !== null && (
        <>
          <code>{route.rule}</code>
          <p>{route.why}</p>
          <p class="muted small">{route.place}</p>
        </>
      )}
      {candidates.length > 0 && (
        <details open={route === null}>
          <summary>
            {candidates.length} looked at
            {moreCandidates > 0 && `, and ${count(moreCandidates)} more`}
          </summary>
          <ul class="explain-list">
            {candidates.map((each) => (
              <CandidateView key={each.name} step={each} />
            ))}
          </ul>
        </details>
      )}
    </Step>
  );
}

const outcomes = {
  wins: ["good", "takes it"],
  outranked: ["info", "outranked"],
  fails: ["plain", "does not fit"],
} as const;

function CandidateView({ step }: { readonly step: CandidateStep }) {
  const [tone, word] = outcomes[step.outcome];
  return (
    <li>
      <div class="row">
        <Badge tone={tone}>{word}</Badge>
        <a href={href("routes", step.name)}>{step.name}</a>
      </div>
      <code class="muted">{step.rule}</code>
      <p>{step.why}</p>
    </li>
  );
}

const middlewareOutcomes = {
  passes: ["good", "passes"],
  answers: ["warn", "answers"],
  depends: ["info", "depends"],
  unreached: ["plain", "not reached"],
} as const;

function MiddlewareView({ step }: { readonly step: MiddlewareStep }) {
  const [tone, word] = middlewareOutcomes[step.outcome];
  return (
    <li>
      <div class="row">
        <Badge tone={tone}>{word}</Badge>
        <strong>{step.kind}</strong>
        <span class="muted small">of {step.owner}</span>
      </div>
      <p>{step.effect === "" ? step.does : step.effect}</p>
      {step.settings !== null && (
        <details>
          <summary>Settings</summary>
          <pre>{JSON.stringify(step.settings, undefined, 2)}</pre>
        </details>
      )}
    </li>
  );
}

function ServiceView({ service }: { readonly service: ServiceStep }) {
  const { name, state, how, backends, moreBackends, parts } = service;
  const tone: Tone = state === null || state === "up" ? "good" : state === "down" ? "bad" : "warn";
  return (
    <Step
      icon="services"
      title="Service"
      tone={tone}
      value={
        <>
          <a href={href("services", name)}>{name}</a>{" "}
          {state !== null && <Badge tone={tone}>{state}</Badge>}
        </>
      }
    >
      <p>{how}</p>
      <ul class="explain-list">
        {backends.map(({ url, isEligible, state: now, why }) => (
          <li key={url}>
            <div class="row">
              <Badge tone={isEligible ? "good" : "plain"}>
                {isEligible ? "may be asked" : "not asked"}
              </Badge>
              <code class="wrap">{url}</code>
              <span class="muted small">{now}</span>
            </div>
            {why !== "" && <p class="muted">{why}</p>}
          </li>
        ))}
        {parts.map(({ name: part, isEligible, why }) => (
          <li key={part}>
            <div class="row">
              <Badge tone={isEligible ? "good" : "plain"}>
                {isEligible ? "may be asked" : "not asked"}
              </Badge>
              <a href={href("services", part)}>{part}</a>
            </div>
            {why !== "" && <p class="muted">{why}</p>}
          </li>
        ))}
      </ul>
      {moreBackends > 0 && <p class="muted">and {count(moreBackends)} more</p>}
    </Step>
  );
}
