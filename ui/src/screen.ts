// How much room there is. Tables leave columns out by it; everything else is for the style sheets.

import { signal } from "@preact/signals";

function watched(query: string) {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", () => {
    matches.value = list.matches;
  });
  return matches;
}

export const isPhone = watched("(max-width: 640px)");
