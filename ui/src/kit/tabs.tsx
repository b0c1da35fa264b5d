// Several views of one thing, one at a time. Arrow keys go from one to the next.

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

export interface Tab {
  readonly id: string;
  readonly title: ComponentChildren;
  readonly content: () => ComponentChildren;
}

export interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** Where somebody else keeps which one is open. */
  readonly open?: string;
  readonly onOpen?: (id: string) => void;
}

export function Tabs({ label, tabs, open, onOpen }: TabsProps) {
  const [own, setOwn] = useState(tabs[0]?.id ?? "");
  const base = useId();
  const chosen = tabs.find(({ id }) => id === (open ?? own)) ?? tabs[0];
  const choose = (id: string) => {
    setOwn(id);
    onOpen?.(id);
  };
  const step = (by: number) => {
    const index = tabs.findIndex(({ id }) => id === chosen?.id);
    const next = tabs.at((index + by) % tabs.length);
    if (next === undefined) return;
    choose(next.id);
    document.getElementById(`${base}-${next.id}`)?.focus();
  };
  return (
    <div class="tabs">
      <div
        role="tablist"
        aria-label={label}
        onKeyDown={({ key }) => {
          if (key === "ArrowRight") step(1);
          if (key === "ArrowLeft") step(-1);
        }}
      >
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`${base}-${id}`}
            aria-selected={id === chosen?.id}
            aria-controls={`${base}-panel`}
            tabIndex={id === chosen?.id ? 0 : -1}
            onClick={() => choose(id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div id={`${base}-panel`} role="tabpanel" aria-labelledby={`${base}-${chosen?.id}`}>
        {chosen?.content()}
      </div>
    </div>
  );
}
