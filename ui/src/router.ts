// Where one is: `#/routes/NAME?filter=x`. In the fragment, so that the server has one page and every link works.

import { computed, signal } from "@preact/signals";

export interface Place {
  /** The page: `routes`; "" = the overview. */
  readonly page: string;
  /** What follows, decoded. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/").map(decoded);
  return { page, rest, query: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const place = signal<Place>(read());
export const pageName = computed(() => place.value.page);

addEventListener("hashchange", () => {
  place.value = read();
});

export function href(page: string, ...rest: readonly string[]): string {
  return `#/${[page, ...rest].map(encodeURIComponent).join("/")}`;
}

export function go(page: string, ...rest: readonly string[]): void {
  location.hash = href(page, ...rest).slice(1);
}

/** To another thing on the same page: what the list was filtered by stays. */
export function goWithin(...rest: readonly string[]): void {
  const { page, query } = place.peek();
  const words = query.toString();
  location.hash = `${href(page, ...rest).slice(1)}${words === "" ? "" : `?${words}`}`;
}

/** Keeps what is typed in a filter in the address, without a step in the history for each letter. */
export function setQuery(name: string, value: string): void {
  const { page, rest, query } = place.peek();
  if (value === "") query.delete(name);
  else query.set(name, value);
  const words = query.toString();
  history.replaceState(null, "", `${href(page, ...rest)}${words === "" ? "" : `?${words}`}`);
  place.value = read();
}
