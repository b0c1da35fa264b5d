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
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}

find.addEventListener("input", show);
addEventListener("hashchange", open);
open();
show();
`;

const style = `:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
code, .method { font-family: ui-monospace, monospace; }
details { border: 1px solid #8885; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
.method { display: inline-block; min-width: 4rem; font-weight: bold; }
.get { color: #2a7; } .put, .patch { color: #c80; } .post { color: #48d; } .delete { color: #d44; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8883; }
input { font: inherit; padding: .3rem; width: 20rem; max-width: 100%; }
`;

export const docsFiles: Readonly<Record<string, DocsFile>> = {
  "/docs/reference.js": { type: "text/javascript; charset=utf-8", text: script },
  "/docs/reference.css": { type: "text/css; charset=utf-8", text: style },
};
