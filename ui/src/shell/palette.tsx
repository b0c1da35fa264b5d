// Search over everything that has a name: pages, routes, services. `/` or Ctrl+K opens it.

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ServiceRow } from "../../../src/admin/operations.ts";
import { get } from "../api/client.ts";
import { allItems } from "../edit/item.ts";
import { Badge } from "../kit/notice.tsx";
import { Icon, type IconName } from "../kit/icon.tsx";
import { href } from "../router.ts";
import { visiblePages } from "./navigation.tsx";
import { status } from "./status.ts";

interface Target {
  readonly kind: string;
  readonly icon: IconName;
  readonly text: string;
  readonly href: string;
}

export const isPaletteOpen = signal(false);

/** Shown of those that fit. */
const most = 30;

/** Keys that open it, wherever no text is being written. Returns the function that ends it. */
export function listenForPalette(): () => void {
  const onKey = (event: KeyboardEvent) => {
    const { target, key } = event;
    const isWriting =
      target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    const isAsked =
      (key === "k" && (event.ctrlKey || event.metaKey)) || (key === "/" && !isWriting);
    if (!isAsked || document.querySelector("dialog[open]") !== null) return;
    event.preventDefault();
    isPaletteOpen.value = true;
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

export function Palette() {
  return isPaletteOpen.value ? <OpenPalette /> : null;
}

function close(): void {
  isPaletteOpen.value = false;
}

function OpenPalette() {
  const ref = useRef<HTMLDialogElement>(null);
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState(0);
  const targets = useTargets();
  const found = useMemo(() => matching(targets, words), [targets, words]);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  useEffect(() => {
    ref.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const open = (target: Target | undefined) => {
    if (target === undefined) return;
    close();
    location.hash = target.href.slice(1);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setChosen(Math.min(Math.max(0, chosen + step), found.length - 1));
    }
    if (event.key === "Enter") open(found[chosen]);
  };
  return (
    <dialog
      ref={ref}
      class="palette"
      aria-label="Find"
      onCancel={close}
      onMouseDown={({ target }) => {
        if (target === ref.current) close();
      }}
    >
      <input
        class="input"
        role="combobox"
        aria-label="Find a page, route or service"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length === 0 ? undefined : `palette-${chosen}`}
        placeholder="Find a page, route or service"
        autocomplete="off"
        spellcheck={false}
        value={words}
        onInput={(event) => {
          setWords(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {found.map((each, index) => (
          <li
            key={each.href}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => open(each)}
            onMouseMove={() => setChosen(index)}
          >
            <Icon name={each.icon} />
            <span class="ellipsis">{each.text}</span>
            <span class="push" />
            <Badge>{each.kind}</Badge>
          </li>
        ))}
      </ul>
    </dialog>
  );
}

/** What was found when this configuration was live: thousands of names need not be asked for again. */
let kept: { readonly version: number | undefined; readonly named: readonly Target[] } | undefined;

/** Whoever logs in next may not see what this one saw. */
export function forgetNames(): void {
  kept = undefined;
}

function useTargets(): readonly Target[] {
  const version = status.value?.snapshot.version;
  const [named, setNamed] = useState(kept?.named ?? []);
  useEffect(() => {
    if (kept !== undefined && kept.version === version) return;
    const stop = new AbortController();
    const routes = allItems("routes", stop.signal).then((items) =>
      items.map(({ name }) => targetOf("routes", "route", name)),
    );
    const services = get<readonly ServiceRow[]>("/v1/health/services").then((rows) =>
      rows.map(({ name }) => targetOf("services", "service", name)),
    );
    void Promise.allSettled([routes, services]).then((all) => {
      if (stop.signal.aborted) return;
      const found = all.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
      if (all.every((each) => each.status === "fulfilled")) kept = { version, named: found };
      setNamed(found);
    });
    return () => stop.abort();
  }, []);
  const pages = visiblePages().map(({ name, title, icon }): Target => {
    return { kind: "page", icon, text: title, href: href(name) };
  });
  return useMemo(() => [...pages, ...named], [named]);
}

function targetOf(page: "routes" | "services", kind: string, name: string): Target {
  return { kind, icon: page, text: name, href: href(page, name) };
}

function matching(targets: readonly Target[], words: string): readonly Target[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((each) => each !== "");
  const found: Target[] = [];
  for (const each of targets) {
    const text = `${each.text} ${each.kind}`.toLowerCase();
    if (wanted.every((word) => text.includes(word))) found.push(each);
    if (found.length >= most) break;
  }
  return found;
}
