// Routes of all origins in one list: what each takes, where it leads, whose it is, and what is odd about it.

import { useMemo, useState } from "preact/hooks";
import { mayEdit } from "../api/session.ts";
import { plural } from "../format.ts";
import { Editor } from "../edit/editor.tsx";
import { type Item, type Section } from "../edit/item.ts";
import { useItems } from "../edit/items.ts";
import { Button, LinkButton } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { ListFilter } from "../kit/list-filter.tsx";
import { Badge, Empty, Failed } from "../kit/notice.tsx";
import { Card, Page } from "../kit/page.tsx";
import { type Column, Table } from "../kit/table.tsx";
import { goWithin, href, place, setQuery } from "../router.ts";
import { RouteDetails } from "./route-details.tsx";
import { matchOf, targetOf } from "./route-words.ts";

interface Row {
  readonly item: Item;
  readonly match: string;
  readonly target: string;
  /** All that a filter looks at. */
  readonly text: string;
}

const sections: readonly Section[] = ["routes", "tcpRoutes", "overlays"];

const columns: readonly Column<Row>[] = [
  {
    ...{ id: "name", title: "Route", width: "3fr" },
    cell: ({ item, match }) => (
      <span class="ellipsis" title={match}>
        <strong>{match}</strong>
        {item.section === "tcpRoutes" && <span class="muted"> TCP</span>}
      </span>
    ),
    sortBy: ({ match }) => match,
  },
  {
    ...{ id: "target", title: "Leads to", rank: 2, width: "3fr" },
    cell: ({ target }) => (
      <span class="ellipsis" title={target}>
        {target}
      </span>
    ),
    sortBy: ({ target }) => target,
  },
  {
    ...{ id: "source", title: "Owner", width: "6rem" },
    cell: ({ item: { source } }) => (
      <Badge tone={source === "store" ? "accent" : "plain"}>{ownerOf(source)}</Badge>
    ),
    sortBy: ({ item }) => item.source,
  },
  {
    ...{ id: "notes", title: "Odd", align: "end", width: "4rem" },
    cell: ({ item: { notes } }) =>
      notes.length === 0 ? (
        ""
      ) : (
        <span class="warn" title={notes.join("\n")}>
          <Icon name="warning" /> {notes.length}
        </span>
      ),
    sortBy: ({ item }) => -item.notes.length,
  },
];

/** What is kept in the store is what was written here. */
function ownerOf(source: string): string {
  return source === "store" ? "console" : source;
}

function rowsOf(items: readonly Item[]): readonly Row[] {
  return items
    .filter(({ section }) => section !== "overlays")
    .map((item) => {
      const [match, target] = [matchOf(item), targetOf(item)];
      const { name, source, place: where, notes } = item;
      const text = [name, match, target, ownerOf(source), source, where, ...notes];
      return { item, match, target, text: text.join(" ").toLowerCase() };
    });
}

type Which = "all" | "own" | "odd";

export function RoutesPage() {
  const { data, error, reload } = useItems(sections);
  const [which, setWhich] = useState<Which>("all");
  const { query, rest } = place.value;
  const text = query.get("filter") ?? "";
  const all = useMemo(() => rowsOf(data ?? []), [data]);
  const rows = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/);
    return all.filter(
      ({ item, text: own }) =>
        (which === "all" || (which === "own" ? item.source === "store" : item.notes.length > 0)) &&
        words.every((word) => own.includes(word)),
    );
  }, [all, which, text]);
  const [name] = rest;
  const chosen = name === undefined ? undefined : found(data ?? [], name);
  const isNew = query.get("new") !== null && mayEdit.value;
  const kind: Section = query.get("new") === "tcp" ? "tcpRoutes" : "routes";
  const closeNew = () => setQuery("new", "");
  return (
    <Page
      title="Routes"
      about="Which requests go where, of the file, of containers and of what was added here."
      actions={
        <>
          <LinkButton icon="history" href={href("history")}>
            History
          </LinkButton>
          {mayEdit.value && (
            <Button kind="primary" icon="plus" onClick={() => setQuery("new", "1")}>
              Add a route
            </Button>
          )}
        </>
      }
    >
      <Card
        title="All routes"
        padded={false}
        actions={
          <ListFilter
            kinds={{
              value: which,
              options: [
                ["all", "All"],
                ["own", "Of the console"],
                ["odd", "Odd"],
              ],
              onInput: setWhich,
            }}
          />
        }
      >
        {data === undefined && error !== undefined ? (
          <Failed what="Routes" error={error} />
        ) : (
          <Table
            label="Routes"
            columns={columns}
            rows={rows}
            keyOf={({ item }) => `${item.section} ${item.name} ${item.source}`}
            onOpen={({ item }) => goWithin(item.name)}
            isChosen={({ item }) => item.name === name}
            height="calc(100dvh - 19rem)"
            empty={<Nothing isLoading={data === undefined} hasAny={all.length > 0} />}
            foot={data === undefined ? undefined : <Foot count={rows.length} />}
          />
        )}
      </Card>
      {isNew && (
        <Editor
          key={kind}
          section={kind}
          onClose={closeNew}
          onDone={() => {
            reload();
            closeNew();
          }}
        />
      )}
      {chosen !== undefined && !isNew && (
        <RouteDetails
          key={`${chosen.section} ${chosen.name} ${chosen.source}`}
          item={chosen}
          overlay={data?.find((each) => each.section === "overlays" && each.name === chosen.name)}
          onClose={() => goWithin()}
          onChange={reload}
        />
      )}
    </Page>
  );
}

function Foot({ count }: { readonly count: number }) {
  return (
    <div class="row">
      <span>{plural(count, "route")}</span>
      <span class="push" />
      {mayEdit.value && (
        <Button small kind="quiet" icon="plus" onClick={() => setQuery("new", "tcp")}>
          Add a TCP route
        </Button>
      )}
    </div>
  );
}

/** By the full name, or by the plain one of what is kept here. */
function found(items: readonly Item[], name: string): Item | undefined {
  const routes = items.filter(({ section }) => section !== "overlays");
  return (
    routes.find((each) => each.name === name) ??
    routes.find((each) => each.name === `${name}@store`)
  );
}

function Nothing({ isLoading, hasAny }: { readonly isLoading: boolean; readonly hasAny: boolean }) {
  if (isLoading) return <Empty icon="routes" title="Loading …" />;
  if (hasAny) return <Empty icon="routes" title="None like that" />;
  return (
    <Empty icon="routes" title="No route yet">
      A route says which host name, or which path of it, leads to which address.
    </Empty>
  );
}
