const PLOTS = 6;
const THEMES = ['automatic', 'light', 'dark'];
const STAGES = {
  draft: 'Draft: not validated',
  validated: 'Validated: not released for care',
  silent: 'Silent: on trial, not for care',
  live: 'Live',
  retired: 'Retired: no longer in use',
};

let openedFile = null;
let answer = null;
const view = { patient: 0, horizon: 0, order: { key: 'difference', descending: true }, filter: '', pinned: new Set(), sameScale: true };

async function call(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: 'same-origin', cache: 'no-store', ...options });
  } catch {
    throw new Error('The server can\'t be reached. Is it still running?');
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const error = new Error(body?.error?.message ?? `The server answered ${response.status}.`);
  error.requestId = body?.error?.request_id;
  throw error;
}

function showModel(model) {
  const short = model.digest.length > 22 ? `${model.digest.slice(0, 19)}…` : model.digest;
  byId('model').replaceChildren(
    html('span', {}, html('strong', {}, model.name), ` ${model.version}`),
    html('span', { class: `stage ${model.stage}` }, STAGES[model.stage] ?? model.stage),
    html('code', { title: model.digest }, short));
  const notice = byId('synthetic');
  notice.hidden = !model.trained_on.synthetic;
  notice.replaceChildren(html('strong', {}, 'Synthetic model. '),
    `Trained on made-up patients (${model.trained_on.name}). Its numbers say nothing about real people.`);
}

function showError(error) {
  const box = byId('error');
  box.hidden = !error;
  if (error) box.replaceChildren(error.message, ...(error.requestId ? [html('span', { class: 'code' }, `Request ${error.requestId}`)] : []));
}

/** The request's body: a record is wrapped, a whole request goes as it is. */
function requestOf(text) {
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('This isn\'t valid JSON. Paste a whole FHIR Bundle, or an object with "events".');
  }
  if (Array.isArray(json)) json = { events: json };
  if (json && (json.patient || json.patients)) return text;
  return JSON.stringify({ patient: json, top: 500, rank_by: 'excess' });
}

async function ask(event) {
  event?.preventDefault();
  const text = openedFile ? openedFile.text : byId('record').value;
  if (!text.trim()) {
    showError(new Error('There is no record yet. Paste one, open a file, or choose an example.'));
    byId('record').focus();
    return;
  }
  const button = byId('send');
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  showError(null);
  try {
    answer = await call('/v1/risk', { method: 'POST', headers: { 'content-type': 'application/json' }, body: requestOf(text) });
    const year = answer.horizons_days.reduce((best, day, index) =>
      Math.abs(Math.log(day / 365)) < Math.abs(Math.log(answer.horizons_days[best] / 365)) ? index : best, 0);
    Object.assign(view, { patient: 0, horizon: year, filter: '', pinned: new Set() });
    showModel(answer.model);
    byId('disclaimer').textContent = answer.disclaimer;
    // What stands out comes first; where nobody is known to compare with, what is likely.
    const compared = answer.patients.some((patient) => patient.risks.some((risk) => risk.reference));
    view.order = { key: compared ? 'difference' : 'value', descending: true };
    pinHighest();
    render();
    byId('status').textContent = `${answer.patients[0].risks.length} conditions, for a horizon of ${longTime(answer.horizons_days[year])}.`;
    if (window.matchMedia('(max-width: 60rem)').matches) byId('results').scrollIntoView({ block: 'start' });
  } catch (error) {
    showError(error);
  } finally {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }
}

const rowsNow = () => answer.patients[view.patient].risks.map((risk) => atHorizon(risk, view.horizon));

function pinHighest() {
  const order = view.order.key === 'name' ? { key: 'value', descending: true } : view.order;
  view.pinned = new Set(ordered(rowsNow(), order).filter((row) => !row.risk.already_recorded).slice(0, PLOTS).map((row) => row.risk.code));
}

function summary(patient) {
  const sex = { female: 'Woman', male: 'Man', unknown: 'Sex not recorded' }[patient.sex];
  const age = patient.age_years === null ? 'age unknown' : `${Math.floor(patient.age_years)} years${patient.age_years >= 90 ? ' or older' : ''}`;
  const { read, used, rejected, unknown_codes: unknown } = patient.events;
  const facts = [
    `${used} of ${read} events used`,
    unknown > 0 && `${unknown} with codes the model doesn't know`,
    rejected > 0 && `${rejected} ${rejected === 1 ? 'entry' : 'entries'} rejected`,
  ].filter(Boolean);
  return html('div', { class: 'summary' },
    html('h1', {}, patient.sex === 'unknown' ? `${sex}, ${age}` : `${patient.age_years !== null && patient.age_years < 18 ? { female: 'Girl', male: 'Boy' }[patient.sex] : sex}, ${age}`),
    html('p', { class: rejected + unknown > 0 ? 'facts attention' : 'facts' }, facts.join(' · ')),
    answer.patients.length > 1 && html('label', {}, 'Patient ', html('select', {
      id: 'which', onchange: (event) => { view.patient = Number(event.target.value); pinHighest(); render('which'); },
    }, answer.patients.map((_, index) => html('option', { value: index, selected: index === view.patient }, `${index + 1} of ${answer.patients.length}`)))));
}

function horizons() {
  return html('fieldset', { class: 'horizons' }, html('legend', {}, 'Risk within'),
    html('div', { class: 'segments' }, answer.horizons_days.map((day, index) => {
      const pick = () => { view.horizon = index; render(`horizon-${index}`); };
      return html('label', { class: index === view.horizon ? 'chosen' : '' },
        html('input', { type: 'radio', name: 'horizon', id: `horizon-${index}`, checked: index === view.horizon, onchange: pin(pick), 'aria-label': longTime(day) }),
        shortTime(day));
    })));
}

/** Keeps the page where it is while what is above changes. */
const pin = (change) => () => { const top = window.scrollY; change(); window.scrollTo(0, top); };

function card(row, ceiling) {
  const days = answer.horizons_days;
  const { risk } = row;
  const value = html('span', { class: 'value' });
  const words = html('span', { class: 'words' });
  const state = (index) => {
    const now = atHorizon(risk, index);
    value.textContent = percent(now.value);
    const peers = now.peers === null ? '' : ` · peers ${percent(now.peers)} · ${times(now.ratio)}`;
    words.replaceChildren(html('span', {}, `${frequency(now.value)} within ${longTime(days[index])}`), html('span', {}, peers.slice(3)));
  };
  state(view.horizon);
  const plot = curvePlot(risk, days, view.horizon, ceiling, (index) => { view.horizon = index; render(); });
  plot.addEventListener('point', (event) => state(event.detail));
  return html('article', { class: 'card', 'aria-label': row.name },
    html('h3', {}, row.name, risk.already_recorded && html('span', { class: 'tag' }, 'in the record')),
    html('span', { class: 'code' }, risk.code),
    html('p', { class: 'headline' }, value, words),
    plot,
    html('details', {}, html('summary', {}, 'Numbers'), curveTable(risk, days)));
}

function plots(rows) {
  const shown = ordered(rows, view.order).filter((row) => view.pinned.has(row.risk.code));
  const highest = (risk) => Math.max(...risk.cumulative_incidence, ...(risk.reference ?? []));
  const common = niceCeiling(Math.max(0, ...shown.map((row) => highest(row.risk))));
  const toggle = (event) => { view.sameScale = event.target.checked; render('same-scale'); };
  return [
    html('div', { class: 'legend' },
      html('span', {}, key('risk'), 'this patient'), html('span', {}, key('peers'), 'peers: people of the same age and sex'),
      html('label', {}, html('input', { type: 'checkbox', id: 'same-scale', checked: view.sameScale, onchange: toggle }), 'Same scale on all plots')),
    html('div', { class: 'cards' }, shown.map((row) => card(row, view.sameScale ? common : niceCeiling(highest(row.risk))))),
  ];
}

const key = (kind) => svg('svg', { class: 'key', viewBox: '0 0 26 8', 'aria-hidden': 'true' }, svg('path', { class: kind, d: 'M1 4L25 4' }));

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  html('a', { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

function render(focus) {
  const patient = answer.patients[view.patient];
  const rows = rowsNow();
  const largest = Math.max(1e-9, ...rows.map((row) => Math.max(row.value, row.peers ?? 0)));
  const table = html('div', { class: 'scroll' });
  const fillTable = (target) => { table.replaceChildren(riskTable(rows, view, largest, change)); if (target) byId(target)?.focus(); };
  // Sorting and filtering leave the plots alone; only a pin changes them.
  const change = (target) => (target.startsWith('pin-') ? pin(() => render(target))() : fillTable(target));
  const filter = html('input', { type: 'search', id: 'filter', value: view.filter, placeholder: 'Find a condition', 'aria-label': 'Find a condition',
    oninput: (event) => { view.filter = event.target.value; fillTable(); } });
  fillTable();
  byId('answer').replaceChildren(
    html('div', { class: 'top' }, summary(patient), horizons()),
    ...plots(rows),
    html('div', { class: 'table-head' },
      html('h2', {}, `All conditions, within ${longTime(answer.horizons_days[view.horizon])}`), filter,
      html('button', { type: 'button', class: 'quiet', onclick: () => save('risks.csv', 'text/csv', asCsv(patient.risks, answer.horizons_days)) }, 'Save as CSV'),
      html('button', { type: 'button', class: 'quiet', onclick: () => save('risks.json', 'application/json', JSON.stringify(answer, null, 2)) }, 'Save as JSON')),
    table,
    html('p', { class: 'hint' },
      'Risk: the probability that the condition is recorded within the time, death being a competing event. ',
      patient.risks_omitted > 0 && `${patient.risks_omitted} further conditions are not shown. `,
      `Request ${answer.request_id}.`));
  if (focus) byId(focus)?.focus();
}

function openText(name, text) {
  // A text area with megabytes in it makes the page crawl; a long record is kept aside and named.
  openedFile = text.length > 100_000 ? { text } : null;
  byId('record').hidden = Boolean(openedFile);
  byId('file').hidden = !openedFile;
  byId('record').value = openedFile ? '' : text;
  byId('file').firstElementChild.textContent = `${name}, ${(text.length / 1e6).toFixed(1)} MB`;
}

async function openFile(file) {
  if (file) openText(file.name, await file.text());
}

function setTheme(theme) {
  if (theme === 'automatic') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId('theme').textContent = `Theme: ${theme}`;
  byId('theme').onclick = () => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
  try { localStorage.setItem('theme', theme); } catch { /* a browser that keeps nothing still shows it */ }
}

function showExamples(examples) {
  byId('examples').hidden = examples.length === 0;
  byId('examples').replaceChildren(html('p', { class: 'hint' }, 'Try an example:'), ...examples.map((example) => html('button', {
    type: 'button', class: 'example', onclick: () => { openText(example.title, JSON.stringify(example.patient, null, 2)); ask(); },
  }, html('strong', {}, example.title), html('span', {}, example.description))));
}

function start() {
  let theme = 'automatic';
  try { theme = localStorage.getItem('theme') ?? theme; } catch { /* as above */ }
  setTheme(THEMES.includes(theme) ? theme : 'automatic');
  byId('ask').addEventListener('submit', ask);
  byId('record').addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) ask(event); });
  byId('choose').addEventListener('change', (event) => { openFile(event.target.files[0]); event.target.value = ''; });
  byId('file').lastElementChild.addEventListener('click', () => { openText('', ''); byId('record').focus(); });
  byId('ask').addEventListener('dragover', (event) => event.preventDefault());
  byId('ask').addEventListener('drop', (event) => { event.preventDefault(); openFile(event.dataTransfer.files[0]); });
  call('/v1/models').then((body) => showModel(body.models[0])).catch(showError);
  call('/v1/examples').then((body) => {
    showExamples(body.examples);
    // A link such as /#example-1 opens an example, for demonstrations.
    const wanted = /^#example-(\d+)$/.exec(location.hash);
    if (wanted) byId('examples').querySelectorAll('button')[wanted[1] - 1]?.click();
  }).catch(() => showExamples([]));
}

start();
