// What the reference page loads: from here and from nowhere else, so that its content policy can be strict.

export interface DocsFile {
  readonly type: string;
  readonly text: string;
}

const script = `"use strict";
const find = document.getElementById("find");
const none = document.getElementById("none");
const entries = [...document.querySelectorAll("details.entry")];
const texts = new Map(entries.map((each) => [each, each.textContent.toLowerCase()]));

function show() {
  const words = find.value.toLowerCase().split(/\\s+/).filter((each) => each !== "");
  for (const each of entries) each.hidden = !words.every((word) => texts.get(each).includes(word));
  for (const each of document.querySelectorAll("section")) {
    each.hidden = each.querySelector("details.entry:not([hidden])") === null;
  }
  none.hidden = entries.some((each) => !each.hidden);
}

function open() {
  let name = location.hash.slice(1);
  try {
    name = decodeURIComponent(name);
  } catch {
    // It is as it stands there.
  }
  const target = document.getElementById(name);
  if (target?.tagName === "DETAILS") target.open = true;
}

find.addEventListener("input", show);
addEventListener("hashchange", open);
open();
show();
`;

const style = `:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem;
  overflow-wrap: anywhere; color: light-dark(#16202a, #e2e6ea); background: light-dark(#fff, #14181c); }
a { color: light-dark(#075f73, #6cc3dd); }
code, .method { font-family: ui-monospace, monospace; }
details { border: 1px solid #8885; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
.method { display: inline-block; min-width: 4rem; font-weight: bold; }
.get { color: light-dark(#0a6b46, #5cd6a3); } .put, .patch { color: light-dark(#8a5200, #eab04c); }
.post { color: light-dark(#1257a8, #82b6f5); } .delete { color: light-dark(#b3261e, #ff958c); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8883; }
input { font: inherit; padding: .3rem .6rem; width: 20rem; max-width: 100%; box-sizing: border-box;
  color: inherit; background: light-dark(#fff, #1d2228); border: 1px solid #8889; border-radius: 6px; }
input::placeholder { color: light-dark(#5b6670, #9aa5b0); }
`;

export const docsFiles: Readonly<Record<string, DocsFile>> = {
  "/docs/reference.js": { type: "text/javascript; charset=utf-8", text: script },
  "/docs/reference.css": { type: "text/css; charset=utf-8", text: style },
};
