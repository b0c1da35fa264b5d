// Services and their backends: how it stands with each, why and since when; and what operators do to them while they run.

import { useState } from "preact/hooks";
import type { BackendRow, ServiceRow } from "../../../src/admin/operations.ts";
import { send } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { Editor } from "../edit/editor.tsx";
import { type Item, plainName } from "../edit/item.ts";
import { useItems } from "../edit/items.ts";
import { Remove } from "../edit/remove.tsx";
import { mayEdit } from "../api/session.ts";
import { clock, count, duration, plural, since } from "../format.ts";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { Switch } from "../kit/field.tsx";
import { isWanted, ListFilter } from "../kit/list-filter.tsx";
import { Badge, Empty, Failed, Notice, type Tone } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { toast, toastProblem } from "../kit/toast.ts";
import { go, href, place } from "../router.ts";

const serviceTones: Readonly<Record<ServiceRow["state"], Tone>> = {
  up: "good",
  degraded: "warn",
  down: "bad",
  paused: "info",
  maintenance: "info",
};

const backendTones: Readonly<Record<BackendRow["state"], Tone>> = {
  up: "good",
  down: "bad",
  unchecked: "info",
  dead: "bad",
  draining: "info",
  stopped: "plain",
  starting: "info",
  unhealthy: "bad",
  paused: "info",
  unreachable: "bad",
  missing: "bad",
};

/** What is worst comes first. */
const ranks: Readonly<Record<ServiceRow["state"], number>> = {
  down: 0,
  degraded: 1,
  paused: 2,
  maintenance: 3,
  up: 4,
};

const inFlight = ({ backends }: ServiceRow) =>
  backends.reduce((sum, each) => sum + each.inFlight, 0);

const columns: readonly Column<ServiceRow>[] = [
  {
    ...{ id: "name", title: "Service", width: "2fr" },
    cell: ({ name }) => <strong class="ellipsis">{name}</strong>,
    sortBy: ({ name }) => name,
  },
  {
    ...{ id: "state", title: "State", width: "8.5rem" },
    cell: ({ state }) => (
      <Badge tone={serviceTones[state]} dotted>
        {state}
      </Badge>
    ),
    sortBy: ({ state }) => ranks[state],
  },
  { id: "since", title: "For", rank: 2, width: "6rem", cell: (row) => since(row.since) },
  {
    ...{ id: "backends", title: "Backends", rank: 2, width: "2fr" },
    cell: (row) => <span class="ellipsis muted">{placesOf(row)}</span>,
  },
  {
    ...{ id: "open", title: "Open", align: "end", rank: 2, width: "5rem" },
    cell: (row) => count(inFlight(row)),
    sortBy: inFlight,
  },
  {
    ...{ id: "held", title: "Waiting", align: "end", rank: 3, width: "5rem" },
    cell: ({ held }) => count(held),
    sortBy: ({ held }) => held,
  },
];

function placesOf({ kind, backends, parts, root }: ServiceRow): string {
  if (kind === "files") return root ?? "files";
  if (kind !== "backends") return `${kind}: ${parts.map(({ service }) => service).join(", ")}`;
  const up = backends.filter(({ state }) => state === "up").length;
  const first = backends[0]?.url ?? "none";
  if (backends.length === 1) return first;
  return backends.length === 0 ? "none" : `${up} of ${backends.length} up`;
}

export function ServicesPage() {
  const { data, error, reload } = usePolled<readonly ServiceRow[]>("/v1/health/services", 2000);
  const { data: items, reload: reloadItems } = useItems(["services"]);
  const [shown, setShown] = useState<"all" | "trouble">("all");
  const [isAdding, setAdding] = useState(false);
  const rows = (data ?? []).filter(
    ({ name, state, backends }) =>
      (shown === "all" || state !== "up") &&
      isWanted(name, state, ...backends.map(({ url }) => url)),
  );
  const name = place.value.rest[0];
  const chosen = data?.find((each) => each.name === name);
  const changed = () => {
    reload();
    reloadItems();
  };
  return (
    <Page
      title="Services"
      about="Where routes lead, and how it stands with each backend there."
      actions={
        mayEdit.value && (
          <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
            Add a service
          </Button>
        )
      }
    >
      <Card
        title="All services"
        padded={false}
        actions={
          <ListFilter
            kinds={{
              value: shown,
              options: [
                ["all", "All"],
                ["trouble", "Not up"],
              ],
              onInput: setShown,
            }}
          />
        }
      >
        {data === undefined && error !== undefined ? (
          <Failed what="Services" error={error} />
        ) : (
          <Table
            label="Services"
            columns={columns}
            rows={rows}
            keyOf={(row) => row.name}
            sort="state"
            onOpen={(row) => go("services", row.name)}
            isChosen={(row) => row.name === name}
            empty={
              <Empty
                icon="services"
                title={
                  data === undefined ? "Loading …" : shown === "all" ? "No service" : "All are up"
                }
              />
            }
            foot={data === undefined ? undefined : plural(rows.length, "service")}
          />
        )}
      </Card>
      {chosen !== undefined && (
        <Details
          service={chosen}
          item={items?.find((each) => each.name === chosen.name)}
          onClose={() => go("services")}
          onChange={changed}
        />
      )}
      {isAdding && (
        <Editor
          section="services"
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            changed();
          }}
        />
      )}
    </Page>
  );
}

/** Of a service that a route says itself. */
const routeOf = (name: string) => /^route\/(.+)$/.exec(name)?.[1];

interface DetailsProps {
  readonly service: ServiceRow;
  /** undefined = it is part of a route. */
  readonly item: Item | undefined;
  readonly onClose: () => void;
  readonly onChange: () => void;
}

function Details({ service, item, onClose, onChange }: DetailsProps) {
  const { name, state, kind, parts, backends } = service;
  const [doing, setDoing] = useState<"edit" | "remove" | undefined>(undefined);
  const stop = () => setDoing(undefined);
  const done = () => {
    onChange();
    onClose();
  };
  if (doing === "edit" && item !== undefined) {
    const done = () => {
      stop();
      onChange();
    };
    return <Editor section="services" name={plainName(item)} exists onClose={stop} onDone={done} />;
  }
  if (doing === "remove" && item !== undefined) {
    return <Remove item={item} onClose={stop} onDone={done} />;
  }
  const isOwn = item !== undefined && item.revision !== null;
  const footer = mayEdit.value && isOwn && (
    <>
      <Button icon="trash" onClick={() => setDoing("remove")}>
        Take out
      </Button>
      <Button kind="primary" icon="edit" onClick={() => setDoing("edit")}>
        Edit
      </Button>
    </>
  );
  return (
    <Dialog title={name} place="side" wide onClose={onClose} footer={footer || undefined}>
      <Facts
        rows={[
          [
            "State",
            <span key="state">
              <Badge tone={serviceTones[state]} dotted>
                {state}
              </Badge>{" "}
              for {since(service.since)}
            </span>,
          ],
          ["Kind", kind === "backends" ? undefined : kind],
          ["Balance", kind === "backends" ? service.balance : undefined],
          ["Waiting", service.held === 0 ? undefined : count(service.held)],
          ["Circuit breaker", service.breaker],
          ["Files", service.root],
          ["Written in", item?.place],
          [
            "Part of the route",
            routeOf(name) === undefined ? undefined : (
              <a key="route" href={href("routes", routeOf(name) ?? "")}>
                {routeOf(name)}
              </a>
            ),
          ],
        ]}
      />
      {mayEdit.value && <Orders service={service} onChange={onChange} />}
      {parts.length > 0 && <h3>Leads to</h3>}
      {parts.map((each) => (
        <div key={each.service}>
          <a href={href("services", each.service)}>{each.service}</a>{" "}
          {kind === "split" && <span class="muted">{each.share}</span>}
        </div>
      ))}
      {backends.length > 0 && <h3>Backends</h3>}
      {backends.map((each) => (
        <Backend key={each.url} service={name} backend={each} onChange={onChange} />
      ))}
    </Dialog>
  );
}

async function order(name: string, what: string, sent: unknown): Promise<void> {
  const path = `/v1/services/${encodeURIComponent(name)}/${what}`;
  const { message } = await send<{ message: string }>("POST", path, sent);
  toast(message);
}

/** What is done to all of it. */
function Orders({
  service: { name, state },
  onChange,
}: Pick<DetailsProps, "service" | "onChange">) {
  const isPaused = state === "paused";
  const pause = () =>
    isPaused
      ? order(name, "resume", {}).then(onChange)
      : confirm({
          title: `Pause ${name}?`,
          text: "Requests wait, none fails, until you resume it or they have waited too long.",
          action: "Pause",
          perform: () => order(name, "pause", {}).then(onChange),
        });
  const maintain = (on: boolean) => {
    order(name, "maintenance", { on }).then(onChange, toastProblem);
  };
  return (
    <div class="row">
      <Button icon={isPaused ? "play" : "pause"} onClick={pause}>
        {isPaused ? "Resume" : "Pause"}
      </Button>
      <Switch label="Maintenance page" value={state === "maintenance"} onInput={maintain} />
    </div>
  );
}

interface BackendProps {
  readonly service: string;
  readonly backend: BackendRow;
  readonly onChange: () => void;
}

function Backend({ service, backend, onChange }: BackendProps) {
  const { url, state, why, lastCheck } = backend;
  const isDraining = state === "draining";
  const drain = () =>
    isDraining
      ? order(service, "resume", { backend: url }).then(onChange)
      : confirm({
          title: `Drain ${url}?`,
          text: "It gets nothing new but the sessions it has, and finishes what it carries.",
          action: "Drain",
          perform: () => order(service, "drain", { backend: url }).then(onChange),
        });
  return (
    <Card>
      <div class="stack">
        <div class="row">
          <strong class="ellipsis">{url}</strong>
          <Badge tone={backendTones[state]} dotted>
            {state}
          </Badge>
          <span class="muted">for {since(backend.since)}</span>
          <span class="push" />
          {mayEdit.value && (
            <Button small icon={isDraining ? "play" : "pause"} onClick={drain}>
              {isDraining ? "Use again" : "Drain"}
            </Button>
          )}
        </div>
        {why !== "" && <Notice tone={state === "up" ? "info" : "warn"}>{why}</Notice>}
        <Facts
          rows={[
            ["Open", count(backend.inFlight)],
            ["Waiting", backend.waiting === 0 ? undefined : count(backend.waiting)],
            ["Answered", count(backend.answered)],
            ["Failed", backend.failed === 0 ? undefined : count(backend.failed)],
            ["Latency", backend.answered === 0 ? undefined : duration(backend.latency)],
            ["Weight", backend.weight === 1 ? undefined : count(backend.weight)],
            ["Tier", backend.tier === 0 ? undefined : count(backend.tier)],
            [
              "Last check",
              lastCheck === undefined
                ? undefined
                : `${clock(lastCheck.at)}: ${lastCheck.text}${/\d ms\b/.test(lastCheck.text) ? "" : ` (${duration(lastCheck.ms)})`}`,
            ],
          ]}
        />
      </div>
    </Card>
  );
}
