/** What is shown of a risk at one horizon. */
function atHorizon(risk, index) {
  const value = risk.cumulative_incidence[index];
  const peers = risk.reference ? risk.reference[index] : null;
  return {
    risk,
    name: risk.description ?? risk.code,
    value,
    peers,
    ratio: peers !== null && peers >= 1e-6 ? value / peers : null,
    difference: peers !== null ? value - peers : null,
  };
}

const COLUMNS = [
  { key: 'name', label: 'Condition', text: true },
  { key: 'value', label: 'Risk' },
  { key: 'peers', label: 'Peers' },
  { key: 'ratio', label: 'Ratio' },
  { key: 'difference', label: 'Difference, points', note: 'in percentage points: risk less that of peers' },
];

/** Orders rows; what isn't known comes last whichever way, and so do conditions that are recorded already. */
function ordered(rows, { key, descending }) {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    if (key !== 'name' && a.risk.already_recorded !== b.risk.already_recorded) return a.risk.already_recorded ? 1 : -1;
    if (key === 'name') return sign * a.name.localeCompare(b.name);
    if (a[key] === null || b[key] === null) return (a[key] === null) - (b[key] === null);
    return sign * (a[key] - b[key]);
  });
}

/**
 * The sortable table. `view` holds `order`, `filter` and `pinned` (a set of codes); `change` is called after any
 * of them changed.
 */
function riskTable(rows, view, largest, change) {
  const header = ({ key, label, note, text }) => {
    const current = view.order.key === key;
    const direction = view.order.descending ? 'descending' : 'ascending';
    const sort = () => {
      view.order = { key, descending: current ? !view.order.descending : !text };
      change(`sort-${key}`);
    };
    return html('th', { scope: 'col', class: text ? '' : 'number', 'aria-sort': current ? direction : null },
      html('button', { type: 'button', id: `sort-${key}`, title: note, onclick: sort }, label,
        html('span', { 'aria-hidden': 'true', class: 'arrow' }, current ? (view.order.descending ? ' ▾' : ' ▴') : '')));
  };
  const line = (row) => {
    const { risk } = row;
    const pinned = view.pinned.has(risk.code);
    const pin = () => {
      if (pinned) view.pinned.delete(risk.code); else view.pinned.add(risk.code);
      change(`pin-${risk.code}`);
    };
    const bar = svg('svg', { class: 'bar', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('rect', { class: 'bar-risk', width: (100 * row.value) / largest, height: 6 }),
      row.peers !== null && svg('rect', { class: 'bar-peers', x: Math.min(99, (100 * row.peers) / largest), width: 1, height: 6 }));
    return html('tr', {},
      html('th', { scope: 'row' },
        html('span', { class: 'name' }, row.name, risk.already_recorded && html('span', { class: 'tag' }, 'in the record')),
        html('span', { class: 'code' }, risk.code)),
      html('td', { class: 'number strong' }, percent(row.value), bar),
      html('td', { class: 'number' }, row.peers === null ? '–' : percent(row.peers)),
      html('td', { class: row.ratio >= 2 ? 'number strong' : 'number' }, times(row.ratio)),
      html('td', { class: 'number' }, points(row.difference)),
      html('td', {}, html('button', {
        type: 'button', class: 'quiet pin', id: `pin-${risk.code}`, 'aria-pressed': String(pinned),
        'aria-label': `${pinned ? 'Hide' : 'Show'} the plot of ${row.name}`, onclick: pin,
      }, pinned ? 'Plotted' : 'Plot')));
  };
  const wanted = view.filter.trim().toLowerCase();
  const shown = ordered(rows, view.order)
    .filter((row) => !wanted || `${row.name} ${row.risk.code}`.toLowerCase().includes(wanted));
  return html('table', { class: 'risks' },
    html('caption', { class: 'visually-hidden' }, 'Risks of all conditions; the headers sort'),
    html('thead', {}, html('tr', {}, COLUMNS.map(header), html('th', { scope: 'col' }, html('span', { class: 'visually-hidden' }, 'Plot')))),
    html('tbody', {}, shown.length ? shown.map(line) : html('tr', {}, html('td', { colspan: 6, class: 'hint' }, 'No condition has this in its name or code.'))));
}

/** The table for a spreadsheet: one line per condition and horizon. */
function asCsv(risks, days) {
  const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const lines = risks.flatMap((risk) => days.map((day, index) => [
    quoted(risk.code), quoted(risk.description ?? ''), day, risk.cumulative_incidence[index],
    risk.reference ? risk.reference[index] : '', risk.already_recorded,
  ].join(',')));
  return ['code,description,horizon_days,cumulative_incidence,reference,already_recorded', ...lines].join('\r\n');
}
