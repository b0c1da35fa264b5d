// The search of the documentation, and its list of pages on small screens. Runs in the browser.

const base = document.body.dataset.base;
const field = document.getElementById("search");
const found = document.getElementById("found");
const menu = document.getElementById("menu");
const pages = document.getElementById("pages");
/** More are not read. */
const mostShown = 12;

// The console's choice holds here, too.
const theme = remembered("tidegate.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // forbidden here: as the system says
  }
}

menu.addEventListener("click", () => {
  const isOpen = pages.classList.toggle("open");
  menu.setAttribute("aria-expanded", String(isOpen));
});

pages.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

let index;

/** Asked for with the first letter, not with each page. */
function load() {
  index ??= fetch(`${base}/search.json`).then((answer) => answer.json());
  return index;
}

/** Titles before headings, headings before words of the text. */
function matches(all, words) {
  const results = [];
  const fits = (text) => words.every((word) => text.includes(word));
  for (const { file, title, isLate, headings, words: text } of all) {
    const late = isLate ? 3 : 0;
    const heading = headings.find(([each]) => fits(`${title} ${each}`.toLowerCase()));
    if (fits(title.toLowerCase())) results.push({ rank: late, file, title, part: "" });
    else if (heading !== undefined)
      results.push({ rank: late + 1, file: `${file}#${heading[1]}`, title, part: heading[0] });
    else if (fits(text)) results.push({ rank: late + 2, file, title, part: "" });
  }
  return results.sort((one, other) => one.rank - other.rank).slice(0, mostShown);
}

async function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    found.hidden = true;
    return;
  }
  const results = matches(await load(), words);
  found.replaceChildren(...results.map(rowOf));
  if (results.length === 0) {
    const none = document.createElement("p");
    none.textContent = "No page has these words.";
    const row = document.createElement("li");
    row.append(none);
    found.append(row);
  }
  found.hidden = false;
}

function rowOf({ file, title, part }) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = `${base}/${file}`;
  link.append(title);
  if (part !== "") {
    const small = document.createElement("small");
    small.textContent = part;
    link.append(small);
  }
  row.append(link);
  return row;
}

field.addEventListener("input", () => void search());
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter") found.querySelector("a")?.click();
  if (event.key === "ArrowDown") found.querySelector("a")?.focus();
  if (event.key === "Escape") found.hidden = true;
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    field.focus();
  }
});
document.addEventListener("click", (event) => {
  if (!found.contains(event.target) && event.target !== field) found.hidden = true;
});
