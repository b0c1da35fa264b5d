// Tables. All rows have one height, and only those are made that can be seen: ten thousand scroll as ten do. Arrow keys
// go through rows that can be opened. What there is no room for is left out by the column's rank.

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { isPhone } from "../screen.ts";
import { Icon } from "./icon.tsx";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Of a grid: `2fr`, `7rem`; 1fr when it does not matter. */
  readonly width?: string;
  /** Of phones, where it is another one. */
  readonly phoneWidth?: string;
  /** 1: everywhere; 2: not on phones; 3: only where there is much room. */
  readonly rank?: 1 | 2 | 3;
  readonly align?: "end";
  /** Makes it sortable. */
  readonly sortBy?: (row: Row) => string | number;
}

export interface TableProps<Row> {
  /** For who cannot see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
  /** Pixels. */
  readonly rowHeight?: number;
  readonly onOpen?: (row: Row) => void;
  readonly isChosen?: (row: Row) => boolean;
  /** Column that it begins with; undefined = as it comes. */
  readonly sort?: string;
  readonly isDescending?: boolean;
  /** In the place of rows. */
  readonly empty?: ComponentChildren;
  /** CSS length. */
  readonly height?: string;
  /** Says below how many there are. */
  readonly foot?: ComponentChildren;
}

/** Made beyond what is seen, above and below. */
const spare = 4;

export function Table<Row>(props: TableProps<Row>) {
  const { label, rows, keyOf, rowHeight = 38, empty, height, foot } = props;
  const { sorted, order, toggle } = useSorted(props);
  const { ref, first, last } = useWindow(sorted.length, rowHeight);
  const columns = useRoom(props.columns, ref);
  const template = columns
    .map((each) => (isPhone.value ? (each.phoneWidth ?? each.width) : each.width) ?? "1fr")
    .map((each) => (each.endsWith("fr") ? `minmax(0, ${each})` : each));
  const style = {
    "--columns": template.join(" "),
    ...(height === undefined ? {} : { "--table-height": height }),
  };
  const shown = sorted.slice(first, last);
  return (
    <div class="table" style={style}>
      <div class="table-scroll" ref={ref} tabIndex={0} role="group" aria-label={`${label}, rows`}>
        <div
          role="table"
          aria-label={label}
          aria-rowcount={rows.length + 1}
          onKeyDown={(event) => walk(event, ref.current, rowHeight)}
        >
          <Head columns={columns} order={order} toggle={toggle} />
          <div role="rowgroup">
            <div role="presentation" style={{ height: `${first * rowHeight}px` }} />
            {shown.map((row, index) => (
              <TableRow
                key={keyOf(row)}
                {...{ row, columns, rowHeight, index: first + index }}
                onOpen={props.onOpen}
                isChosen={props.isChosen?.(row)}
              />
            ))}
            <div
              role="presentation"
              style={{ height: `${Math.max(0, sorted.length - last) * rowHeight}px` }}
            />
          </div>
        </div>
        {rows.length === 0 && empty}
      </div>
      {foot !== undefined && <div class="table-foot">{foot}</div>}
    </div>
  );
}

/** Pixels that a table needs for the columns of the ranks 2 and 3. */
const widths = { second: 560, third: 860 } as const;

/** Those for which the table itself has room, wherever on the page it stands. */
function useRoom<Row>(columns: readonly Column<Row>[], ref: RefObject<HTMLElement | null>) {
  const [most, setMost] = useState(isPhone.value ? 1 : 3);
  useLayoutEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const look = () => {
      const width = box.clientWidth;
      setMost(width < widths.second ? 1 : width < widths.third ? 2 : 3);
    };
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(box);
    return () => sizes.disconnect();
  }, []);
  return columns.filter(({ rank = 1 }) => rank <= most);
}

interface Order {
  readonly column: string | undefined;
  readonly isDescending: boolean;
}

function useSorted<Row>({ columns, rows, sort, isDescending = false }: TableProps<Row>) {
  const [order, setOrder] = useState<Order>({ column: sort, isDescending });
  const sortBy = columns.find(({ id }) => id === order.column)?.sortBy;
  const sorted = useMemo(() => {
    if (sortBy === undefined) return rows;
    const sign = order.isDescending ? -1 : 1;
    return rows.toSorted((a, b) => sign * compared(sortBy(a), sortBy(b)));
  }, [rows, order]);
  const toggle = (column: string) =>
    setOrder((now) =>
      now.column === column
        ? { column, isDescending: !now.isDescending }
        : { column, isDescending: false },
    );
  return { sorted, order, toggle };
}

const texts = new Intl.Collator("en", { numeric: true });

function compared(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return texts.compare(String(a), String(b));
}

/** Which rows can be seen. */
function useWindow(length: number, rowHeight: number) {
  const ref = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ first: 0, last: 40 });
  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const look = () => {
      const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - spare);
      const last = Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + spare;
      // By steps, so that most movements change nothing.
      const rounded = { first: first - (first % 4), last: last + 4 - (last % 4) };
      setSeen((now) => (now.first === rounded.first && now.last === rounded.last ? now : rounded));
    };
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, [rowHeight, length]);
  const first = Math.min(seen.first, Math.max(0, length - 1));
  return { ref, first, last: Math.min(seen.last, length) };
}

interface HeadProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly order: Order;
  readonly toggle: (column: string) => void;
}

function Head<Row>({ columns, order, toggle }: HeadProps<Row>) {
  return (
    <div role="rowgroup" class="table-top">
      <div role="row" class="table-row table-head" aria-rowindex={1}>
        {columns.map(({ id, title, align, sortBy }) => {
          const isOrder = order.column === id;
          const direction = order.isDescending ? "descending" : "ascending";
          return (
            <div
              key={id}
              role="columnheader"
              class={align ?? ""}
              aria-sort={sortBy === undefined ? undefined : isOrder ? direction : "none"}
            >
              {sortBy === undefined ? (
                title === "" ? (
                  <span class="unseen">Actions</span>
                ) : (
                  title
                )
              ) : (
                <button type="button" onClick={() => toggle(id)}>
                  {title}
                  {isOrder && <Icon name={order.isDescending ? "down" : "up"} />}
                </button>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface RowProps<Row> {
  readonly row: Row;
  readonly columns: readonly Column<Row>[];
  readonly rowHeight: number;
  readonly index: number;
  readonly onOpen: ((row: Row) => void) | undefined;
  readonly isChosen: boolean | undefined;
}

function TableRow<Row>({ row, columns, rowHeight, index, onOpen, isChosen }: RowProps<Row>) {
  const opens = onOpen !== undefined;
  return (
    <div
      role="row"
      class={`table-row ${opens ? "opens" : ""}`}
      style={{ height: `${rowHeight}px` }}
      aria-rowindex={index + 2}
      aria-selected={isChosen}
      tabIndex={opens ? 0 : undefined}
      onClick={opens ? () => onOpen(row) : undefined}
      onKeyDown={(event) => {
        if (opens && event.key === "Enter" && event.target === event.currentTarget) onOpen(row);
      }}
    >
      {columns.map(({ id, cell, align }) => (
        <div key={id} role="cell" class={align ?? ""}>
          {cell(row)}
        </div>
      ))}
    </div>
  );
}

/** Arrow keys, from row to row; the box follows. */
function walk(event: KeyboardEvent, box: HTMLElement | null, rowHeight: number): void {
  const { target, key } = event;
  if (!(target instanceof HTMLElement) || !target.classList.contains("table-row")) return;
  const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
  if (step === 0 || box === null) return;
  event.preventDefault();
  const next = step === 1 ? target.nextElementSibling : target.previousElementSibling;
  if (!(next instanceof HTMLElement) || !next.classList.contains("table-row")) return;
  next.focus({ preventScroll: true });
  const top = next.offsetTop - rowHeight; // below the head, which stays
  const bottom = next.offsetTop + rowHeight - box.clientHeight;
  if (box.scrollTop > top) box.scrollTop = top;
  else if (box.scrollTop < bottom) box.scrollTop = bottom;
}
