// Light, dark, or as the system says. The colours are in styles/tokens.css; only which ones is decided here.

import { effect, signal } from "@preact/signals";
import { remember, remembered } from "./remembered.ts";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const kept = remembered("theme");
export const theme = signal<Theme>(themes.find((each) => each === kept) ?? "auto");

/** Counts up whenever the colours on the page became others: for what is drawn by hand. */
export const paintings = signal(0);

export function beginTheme(): void {
  effect(() => {
    const chosen = theme.value;
    if (chosen === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
    remember("theme", chosen === "auto" ? undefined : chosen);
    paintings.value = paintings.peek() + 1;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paintings.value += 1;
  });
}

/** A colour of tokens.css as it is now, for a canvas. */
export function colorOf(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
