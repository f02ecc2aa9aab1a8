"use strict";
// Everything stays in this page: no network, no storage. Texts are put in as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const verdicts = new Map();
let at = 0;
let unsaved = false;

data.kinds.forEach((kind, i) => {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = kind;
  box.addEventListener("change", () => toggle(kind, box.checked));
  label.append(box, ` ${i + 1} ${kind}`);
  by("kinds").append(label);
});

function show() {
  const passage = data.passages[at];
  const given = verdicts.get(at + 1);
  by("progress").max = Math.max(1, data.passages.length);
  by("progress").value = verdicts.size;
  const leaks = [...verdicts.values()].filter((v) => v.verdict === "leak").length;
  by("status").textContent = `${verdicts.size} of ${data.passages.length} read, ${leaks} with a leak` + (unsaved ? ", not saved yet" : "");
  by("where").textContent = passage ? `Text ${at + 1}: ${passage.code}, subject ${passage.subject_id}` : "The data set holds no text.";
  by("text").textContent = passage ? passage.text : "";
  for (const verdict of ["clean", "leak", "unsure"]) {
    by(verdict).setAttribute("aria-pressed", String(given !== undefined && given.verdict === verdict));
  }
  by("kinds").hidden = given === undefined || given.verdict !== "leak";
  for (const box of by("kinds").querySelectorAll("input")) box.checked = given !== undefined && given.kinds.includes(box.value);
}

function go(to) {
  at = Math.min(Math.max(0, to), Math.max(0, data.passages.length - 1));
  show();
}

function decide(verdict) {
  if (data.passages.length === 0) return;
  const kept = verdicts.get(at + 1);
  verdicts.set(at + 1, { passage: at + 1, verdict, kinds: verdict === "leak" && kept ? kept.kinds : [] });
  unsaved = true;
  // A leak waits for its kinds; others go on.
  if (verdict === "leak") show();
  else openNext();
}

function toggle(kind, on) {
  const given = verdicts.get(at + 1);
  if (given === undefined || given.verdict !== "leak") return;
  given.kinds = data.kinds.filter((k) => (k === kind ? on : given.kinds.includes(k)));
  unsaved = true;
  show();
}

function openNext() {
  for (let i = 1; i <= data.passages.length; i += 1) {
    const place = (at + i) % data.passages.length;
    if (!verdicts.has(place + 1)) return go(place);
  }
  show();
}

function save() {
  const file = {
    format: 1,
    sample: data.sample,
    dataset: data.dataset,
    synthetic: data.synthetic,
    passages: data.passages.length,
    population: data.population,
    verdicts: [...verdicts.values()].sort((a, b) => a.passage - b.passage),
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
  link.download = `verdicts-${data.sample}.json`;
  link.click();
  // Firefox reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  unsaved = false;
  show();
}

async function load(input) {
  try {
    const file = JSON.parse(await input.files[0].text());
    if (file.format !== 1 || file.sample !== data.sample) throw new Error("they are of another sample");
    for (const v of file.verdicts) {
      if (!Number.isInteger(v.passage) || v.passage < 1 || v.passage > data.passages.length) throw new Error("they do not fit this sample");
      verdicts.set(v.passage, { passage: v.passage, verdict: v.verdict, kinds: v.kinds || [] });
    }
    openNext();
  } catch (error) {
    by("status").textContent = `These verdicts cannot be loaded: ${error.message}`;
  }
}

const actions = {
  c: () => decide("clean"),
  l: () => decide("leak"),
  u: () => decide("unsure"),
  n: openNext,
  s: save,
  arrowleft: () => go(at - 1),
  arrowright: () => go(at + 1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.type === "file") return;
  const kind = data.kinds[Number(event.key) - 1];
  if (kind !== undefined) {
    const given = verdicts.get(at + 1);
    if (given !== undefined) toggle(kind, !given.kinds.includes(kind));
  } else if (actions[event.key.toLowerCase()] !== undefined) {
    actions[event.key.toLowerCase()]();
    event.preventDefault();
  }
});
for (const verdict of ["clean", "leak", "unsure"]) by(verdict).addEventListener("click", () => decide(verdict));
by("previous").addEventListener("click", () => go(at - 1));
by("next").addEventListener("click", () => go(at + 1));
by("open").addEventListener("click", openNext);
by("save").addEventListener("click", save);
by("load").addEventListener("change", () => load(by("load")));
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
show();
