"use strict";
// rows of keep_drop.csv are the state; the list shows those that the filters let through
const given = JSON.parse(document.getElementById("document").textContent);
const rows = given.rows, key = "layerscope review " + given.stamp, STEP = 200;
const at = id => document.getElementById(id);
let issue = "", now = null, limit = STEP, unsaved = false;

const nameOf = row => [row.id, row.issue, row.sha256].join("\n");
const byName = new Map(rows.map(row => [nameOf(row), row]));
const shown = rows.filter(row => row.shown);
const passes = row => (!issue || row.issue === issue)
  && (!at("class").value || row.label === at("class").value)
  && (!at("open").checked || !row.decision || row === now);

function make(tag, words, className) {
  const node = document.createElement(tag);
  if (words) node.textContent = words;
  if (className) node.className = className;
  return node;
}

function remember() {
  const made = rows.map(row => [nameOf(row), row.decision, row.who, row.when]);
  try { localStorage.setItem(key, JSON.stringify({made, who: at("who").value, unsaved})); } catch { /* private window */ }
}

function recall() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(key)); } catch { /* private window */ }
  if (!kept) return;
  for (const [name, decision, who, when] of kept.made) {
    const row = byName.get(name);
    if (row) Object.assign(row, {decision, who, when});
  }
  at("who").value = kept.who;
  unsaved = kept.unsaved;
}

function decide(row, decision) {
  row.decision = decision;
  row.who = decision ? at("who").value.trim() : "";
  row.when = decision ? new Date().toISOString().slice(0, 19) + "+00:00" : "";
  unsaved = true;
  remember();
  paint(row);
  tell();
}

function paint(row) {
  const node = row.node;
  if (!node) return;
  node.dataset.decision = row.decision;
  node.classList.toggle("now", row === now);
  for (const button of node.querySelectorAll("button[data-to]"))
    button.setAttribute("aria-pressed", String(button.dataset.to === row.decision));
  const select = node.querySelector("select");
  select.value = row.decision.startsWith("relabel:") ? row.decision.slice(8) : "";
}

function tell() {
  const done = shown.filter(row => row.decision).length;
  at("progress").max = shown.length || 1;
  at("progress").value = done;
  at("told").textContent = `${done} of ${shown.length} decided` + (unsaved ? ", not saved" : "");
}

function button(words, to, row) {
  const node = make("button", words);
  node.dataset.to = to;
  node.onclick = () => { move(row); decide(row, row.decision === to ? "" : to); };
  return node;
}

function card(row) {
  const node = make("article", "", "find");
  const picture = given.pictures[row.id];
  const image = picture ? make("img") : make("div", "no picture", "none");
  if (picture) Object.assign(image, {src: picture, alt: row.id, loading: "lazy"});
  const text = make("div");
  text.append(make("p", row.id, "name"));
  text.append(make("p", `${row.issue} ${Number(row.score).toFixed(2)}; ${row.label}${row.split ? ", " + row.split : ""}`));
  text.append(make("p", row.why, "why"));
  const buttons = make("div", "", "buttons");
  const select = make("select");
  select.setAttribute("aria-label", "new label");
  select.append(new Option("relabel…", ""), ...given.classes.filter(c => c !== row.label).map(c => new Option(c, c)));
  select.onchange = () => { move(row); decide(row, select.value ? "relabel:" + select.value : ""); select.blur(); };
  buttons.append(button("keep", "keep", row), button("drop", "drop", row));
  const to = row.suggestion.startsWith("relabel:") ? row.suggestion.slice(8) : "";
  if (to) buttons.append(button("is a " + to, row.suggestion, row));
  buttons.append(select, make("span", "suggested: " + row.suggestion.replace(":", " as "), "why"));
  text.append(buttons);
  node.append(image, text);
  node.onclick = event => { if (!event.target.closest("button, select")) move(row); };
  row.node = node;
  paint(row);
  return node;
}

function list() {
  const passing = shown.filter(passes), groups = new Map();
  for (const row of shown) row.node = null;
  for (const row of passing.slice(0, limit)) {
    const name = row.issue + "\n" + row.group;
    if (!groups.has(name)) groups.set(name, make("div", "", "cluster"));
    groups.get(name).append(card(row));
  }
  at("list").replaceChildren(...groups.values());
  if (!passing.length) at("list").append(make("p", "Nothing here: no finding passes the filters.", "empty"));
  at("more").hidden = passing.length <= limit;
  if (!passing.includes(now)) now = passing[0] || null;
  if (now) paint(now);
  tell();
}

function move(row) {
  const before = now;
  now = row;
  if (before) paint(before);
  paint(row);
  if (row.node) row.node.scrollIntoView({block: "nearest"});
}

function step(by) {
  const passing = shown.filter(passes);
  const next = passing[passing.indexOf(now) + by];
  if (!next) return;
  if (!next.node) { limit += STEP; list(); }
  move(next);
}

function relabel(row) {
  const others = given.classes.filter(name => name !== row.label);
  const held = row.decision.startsWith("relabel:") ? row.decision.slice(8) : null;
  const first = row.suggestion.startsWith("relabel:") ? row.suggestion.slice(8) : others[0];
  decide(row, "relabel:" + (held === null ? first : others[(others.indexOf(held) + 1) % others.length]));
}

const KEYS = {
  k: row => { decide(row, "keep"); step(1); },
  d: row => { decide(row, "drop"); step(1); },
  a: row => { decide(row, row.suggestion); step(1); },
  r: relabel,
  u: row => decide(row, ""),
  arrowdown: () => step(1),
  arrowup: () => step(-1),
};

document.addEventListener("keydown", event => {
  const typing = /^(INPUT|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  const act = KEYS[event.key.toLowerCase()];
  if (typing || !act || !now || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(now);
});

const quoted = value => /[",\r\n]/.test(value) ? '"' + value.replaceAll('"', '""') + '"' : value;
const table = () => [given.columns, ...rows.map(row => given.columns.map(name => row[name]))]
  .map(line => line.map(quoted).join(",") + "\r\n").join("");

function saved() { unsaved = false; remember(); tell(); }

at("save").onclick = () => {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([table()], {type: "text/csv"}));
  link.download = "keep_drop.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  saved();
};
at("place").hidden = !("showSaveFilePicker" in window);
at("place").onclick = async () => {
  try {
    const file = await window.showSaveFilePicker({suggestedName: "keep_drop.csv"});
    const out = await file.createWritable();
    await out.write(table());
    await out.close();
    saved();
  } catch (error) {
    if (error.name !== "AbortError") at("told").textContent = "not saved: " + error.message;
  }
};

function parsed(text) {
  const lines = [[""]];
  let quote = false;
  text = text.replace(/^\ufeff/, "");
  for (let k = 0; k < text.length; k++) {
    const letter = text[k], line = lines[lines.length - 1];
    if (quote && letter === '"' && text[k + 1] === '"') { line[line.length - 1] += '"'; k++; }
    else if (letter === '"') quote = !quote;
    else if (letter === "," && !quote) line.push("");
    else if (letter === "\n" && !quote) lines.push([""]);
    else if (letter !== "\r" || quote) line[line.length - 1] += letter;
  }
  const [head, ...body] = lines.filter(line => line.length > 1);
  return body.map(line => Object.fromEntries(head.map((name, k) => [name, line[k] || ""])));
}

at("load").onchange = async event => {
  const text = await event.target.files[0].text();
  for (const row of rows) Object.assign(row, {decision: "", who: "", when: ""});
  for (const {id, issue: of, sha256, decision, who, when} of parsed(text)) {
    const row = byName.get([id, of, sha256].join("\n"));
    if (row) Object.assign(row, {decision, who, when});
  }
  unsaved = false;
  remember();
  list();
  at("load").blur();
};

for (const name of ["", ...new Set(shown.map(row => row.issue))]) {
  const count = shown.filter(row => !name || row.issue === name).length;
  const node = make("button", `${name || "all"} ${count}`);
  node.dataset.issue = name;
  node.onclick = () => {
    issue = name;
    limit = STEP;
    for (const other of at("issues").children) other.setAttribute("aria-pressed", String(other === node));
    list();
  };
  node.setAttribute("aria-pressed", String(!name));
  at("issues").append(node);
}
for (const name of new Set(shown.map(row => row.label).filter(Boolean))) at("class").append(new Option(name, name));
at("class").onchange = at("open").onchange = event => { limit = STEP; list(); event.target.blur(); };
at("who").onchange = remember;
at("more").onclick = () => { limit += STEP; list(); };
addEventListener("beforeunload", event => { if (unsaved) event.preventDefault(); });
recall();
list();
