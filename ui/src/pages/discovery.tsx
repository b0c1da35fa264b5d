// What was found on the host and elsewhere: containers, virtual machines and sources; what they became, what was not
// understood, and what they asked for and did not get.

import { useState } from "preact/hooks";
import type { DiscoveryRows, ProviderRow, Refusal } from "../../../src/admin/operations.ts";
import type { Finding, Note } from "../../../src/config/finding.ts";
import { usePolled } from "../api/polled.ts";
import { plural, since } from "../format.ts";
import { Dialog } from "../kit/dialog.tsx";
import { isWanted, ListFilter } from "../kit/list-filter.tsx";
import { Badge, Empty, Failed, Notice, type Tone } from "../kit/notice.tsx";
import { Card, Facts, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { href } from "../router.ts";

const stateTones: ReadonlyMap<string, Tone> = new Map([
  ["running", "good"],
  ["healthy", "good"],
  ["starting", "info"],
  ["paused", "warn"],
  ["unhealthy", "bad"],
  ["unreachable", "bad"],
]);

const providerTones: Readonly<Record<ProviderRow["state"], Tone>> = {
  ok: "good",
  starting: "info",
  failing: "bad",
};

const noteTones: Readonly<Record<Note["severity"], Tone>> = {
  error: "bad",
  warning: "warn",
  info: "info",
};

function worst({ notes }: Finding): Note["severity"] | undefined {
  for (const each of ["error", "warning", "info"] as const) {
    if (notes.some(({ severity }) => severity === each)) return each;
  }
  return undefined;
}

const nameOf = ({ project, name }: Finding) =>
  project === undefined ? name : `${project}/${name}`;

const columns: readonly Column<Finding>[] = [
  {
    ...{ id: "name", title: "Name", width: "2fr" },
    cell: (row) => <strong class="ellipsis">{nameOf(row)}</strong>,
    sortBy: nameOf,
  },
  {
    ...{ id: "platform", title: "Found by", rank: 2, width: "8rem" },
    cell: ({ provider }) => provider,
    sortBy: ({ provider }) => provider,
  },
  {
    ...{ id: "state", title: "State", width: "7rem" },
    cell: ({ state }) => (
      <Badge tone={stateTones.get(state) ?? "plain"} dotted>
        {state}
      </Badge>
    ),
    sortBy: ({ state }) => state,
  },
  {
    ...{ id: "became", title: "Became", rank: 2, width: "3fr" },
    cell: ({ became }) =>
      became.length === 0 ? (
        <span class="muted">nothing</span>
      ) : (
        <span class="ellipsis">{became.map(({ route }) => route).join(", ")}</span>
      ),
  },
  {
    ...{ id: "notes", title: "Remarks", width: "7rem" },
    cell: (row) => {
      const severity = worst(row);
      return severity === undefined ? (
        ""
      ) : (
        <Badge tone={noteTones[severity]}>{plural(row.notes.length, "remark")}</Badge>
      );
    },
    sortBy: ({ notes }) => -notes.length,
  },
];

type Shown = "all" | "routed" | "remarks";

export function DiscoveryPage() {
  const { data, error } = usePolled<DiscoveryRows>("/v1/providers", 5000);
  const [shown, setShown] = useState<Shown>("all");
  const [open, setOpen] = useState<string | undefined>(undefined);
  const findings = (data?.findings ?? []).filter((each) => {
    if (shown === "routed" && each.became.length === 0) return false;
    if (shown === "remarks" && each.notes.length === 0) return false;
    return isWanted(
      ...[nameOf(each), each.provider, each.state, ...each.became.map(({ rule }) => rule)],
    );
  });
  const chosen = data?.findings.find((each) => keyOf(each) === open);
  return (
    <Page
      title="Discovery"
      about="What runs here and elsewhere, and what became of it. Others' labels are held to what you allow."
    >
      {data === undefined && error !== undefined && <Failed what="Discovery" error={error} />}
      {data !== undefined && <Providers rows={data.providers} />}
      {data !== undefined && data.refusals.length > 0 && <Refusals rows={data.refusals} />}
      <Card
        title="Containers and machines"
        padded={false}
        actions={
          <ListFilter
            kinds={{
              value: shown,
              options: [
                ["all", "All"],
                ["routed", "Routed"],
                ["remarks", "With remarks"],
              ],
              onInput: setShown,
            }}
          />
        }
      >
        <Table
          label="Containers and machines"
          columns={columns}
          rows={findings}
          keyOf={keyOf}
          onOpen={(row) => setOpen(keyOf(row))}
          sort="name"
          empty={
            <Nothing
              isLoading={data === undefined && error === undefined}
              hasSources={(data?.providers.length ?? 0) > 0}
              hasAny={(data?.findings.length ?? 0) > 0}
            />
          }
          foot={data === undefined ? undefined : plural(findings.length, "finding")}
        />
      </Card>
      {chosen !== undefined && (
        <Details
          finding={chosen}
          refused={data?.refusals.filter((each) => isAbout(each, chosen)) ?? []}
          onClose={() => setOpen(undefined)}
        />
      )}
    </Page>
  );
}

/** As the program calls who asked: `docker container web1, label tidegate.host`. */
function isAbout({ place: where }: Refusal, { platform, name }: Finding): boolean {
  const [who = ""] = where.split(", ");
  return who.startsWith(`${platform} `) && who.endsWith(` ${name}`);
}

function keyOf({ provider, project = "", name, id }: Finding): string {
  return [provider, project, name, id].join("\n");
}

interface NothingProps {
  readonly isLoading: boolean;
  readonly hasSources: boolean;
  readonly hasAny: boolean;
}

function Nothing({ isLoading, hasSources, hasAny }: NothingProps) {
  if (isLoading) return <Empty icon="discovery" title="Loading …" />;
  if (hasAny) return <Empty icon="discovery" title="Nothing like that" />;
  if (hasSources) {
    return (
      <Empty icon="discovery" title="Nothing was found">
        The sources above name no container and no machine so far.
      </Empty>
    );
  }
  return (
    <Empty icon="discovery" title="Nothing was found">
      Say in the configuration where to look: <code>providers: {"{ docker: true }"}</code>
    </Empty>
  );
}

function Providers({ rows }: { readonly rows: readonly ProviderRow[] }) {
  if (rows.length === 0) return null;
  return (
    <Card title="Sources">
      <Facts
        rows={rows.map((each) => [
          each.name,
          <span key={each.name}>
            <Badge tone={providerTones[each.state]} dotted>
              {each.state}
            </Badge>{" "}
            {each.name === each.kind ? "" : `${each.kind}, `}
            {plural(each.found, "item")}, for {since(each.since)}
            {each.trouble !== undefined && <div class="muted">{each.trouble}</div>}
          </span>,
        ])}
      />
    </Card>
  );
}

function Refusals({ rows }: { readonly rows: readonly Refusal[] }) {
  return (
    <Notice tone="warn">
      <strong>
        {plural(rows.length, "thing was asked for", "things were asked for")} and not granted
      </strong>
      <ul>
        {rows.slice(0, 20).map(({ place: where, message }) => (
          <li key={`${where}${message}`}>
            {where}: {message}
          </li>
        ))}
      </ul>
      {rows.length > 20 && `and ${rows.length - 20} more`}
    </Notice>
  );
}

interface DetailsProps {
  readonly finding: Finding;
  readonly refused: readonly Refusal[];
  readonly onClose: () => void;
}

function Details({ finding, refused, onClose }: DetailsProps) {
  return (
    <Dialog title={nameOf(finding)} place="side" onClose={onClose}>
      <Facts
        rows={[
          ["Found by", finding.provider],
          ["Platform", finding.platform],
          ["State", finding.state],
          ["Id", finding.id === "" ? undefined : <code key="id">{finding.id}</code>],
          ["Addresses", finding.addresses.join(", ")],
        ]}
      />
      <h3>What it became</h3>
      {finding.became.length === 0 && <p class="muted">Nothing: no route leads to it.</p>}
      {finding.became.map((each) => (
        <Card key={each.route}>
          <a href={href("routes", each.route)}>{each.route}</a>
          <div class="muted">
            <code>{each.rule}</code>
          </div>
          {each.backend !== undefined && <div>goes to {each.backend}</div>}
          {each.dialect !== undefined && <div class="muted">by labels of {each.dialect}</div>}
        </Card>
      ))}
      {refused.length > 0 && <h3>What it did not get</h3>}
      {refused.map(({ place: where, message }) => (
        <Notice key={`${where}${message}`} tone="warn">
          {message}
        </Notice>
      ))}
      {finding.notes.length > 0 && <h3>Remarks</h3>}
      {finding.notes.map((each) => (
        <Notice key={`${each.about}${each.message}`} tone={noteTones[each.severity]}>
          {each.about !== "" && <code>{each.about}</code>} {each.message}
          {each.remedy !== undefined && <div>{each.remedy}</div>}
        </Notice>
      ))}
    </Dialog>
  );
}
