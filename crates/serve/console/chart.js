const PLOT = { width: 320, height: 168, left: 42, right: 14, top: 10, bottom: 24 };

/** A round number at or above the largest value of a plot, never above one. */
function niceCeiling(value) {
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1];
  return steps.find((step) => step >= value) ?? 1;
}

function axisPercent(p) {
  const value = p * 100;
  return `${value >= 1 || value === 0 ? significant(value, 3) : significant(value, 2)} %`;
}

/**
 * Positions on a time axis that begins now and widens what is near, so that days and years have room on one line.
 * A logarithm would do so too, and have no place for now.
 */
function timeScale(days) {
  const last = days[days.length - 1];
  return (day) => PLOT.left + (PLOT.width - PLOT.left - PLOT.right) * (day / last) ** 0.3;
}

/** The days that get a label: both ends, then a year, then what still has room. */
function labelled(days, x) {
  const year = days.reduce((best, day) => (Math.abs(Math.log(day / 365)) < Math.abs(Math.log(best / 365)) ? day : best), days[0]);
  const shown = [];
  for (const day of [days[days.length - 1], days[0], year, ...days]) {
    if (shown.every((other) => Math.abs(x(other) - x(day)) >= 28)) shown.push(day);
  }
  return shown;
}

const path = (marks) => marks.map(([x, y], index) => `${index ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

/**
 * A condition's risk over time beside that of people of the same age and sex.
 *
 * `onpick` is called with the index of a horizon when the reader points at it and clicks.
 */
function curvePlot(risk, days, chosen, ceiling, onpick) {
  const x = timeScale(days);
  const bottom = PLOT.height - PLOT.bottom;
  const y = (p) => bottom - ((bottom - PLOT.top) * Math.min(p, ceiling)) / ceiling;
  const marks = (curve) => curve.map((p, index) => [x(days[index]), y(p)]);
  const patient = marks(risk.cumulative_incidence);
  const peers = risk.reference && marks(risk.reference);
  // Nothing has happened yet at the moment of asking.
  const fromNow = (line) => [[PLOT.left, bottom], ...line];

  const grid = [0, 0.5, 1].map((share) => {
    const level = share * ceiling;
    return [
      svg('line', { class: share ? 'grid' : 'base', x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: y(level), y2: y(level) }),
      svg('text', { class: 'tick', x: PLOT.left - 7, y: y(level) + 4, 'text-anchor': 'end' }, axisPercent(level)),
    ];
  });
  const ticks = labelled(days, x).map((day) =>
    svg('text', { class: 'tick', x: x(day), y: PLOT.height - 7, 'text-anchor': 'middle' }, shortTime(day)));

  const cursor = svg('g', {});
  const point = (at) => {
    cursor.replaceChildren(
      svg('line', { class: 'cursor', x1: x(days[at]), x2: x(days[at]), y1: PLOT.top, y2: bottom }),
      ...(peers ? [svg('circle', { class: 'peers-mark', cx: peers[at][0], cy: peers[at][1], r: 4 })] : []),
      svg('circle', { class: 'risk-mark', cx: patient[at][0], cy: patient[at][1], r: 4.5 }),
    );
  };
  point(chosen);

  const nearest = (event) => {
    const box = plot.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * PLOT.width;
    return days.reduce((best, day, index) => (Math.abs(x(day) - at) < Math.abs(x(days[best]) - at) ? index : best), 0);
  };
  const plot = svg(
    'svg',
    {
      viewBox: `0 0 ${PLOT.width} ${PLOT.height}`,
      role: 'img',
      'aria-label': plotInWords(risk, days),
      onpointermove: (event) => { point(nearest(event)); plot.dispatchEvent(new CustomEvent('point', { detail: nearest(event) })); },
      onpointerleave: () => { point(chosen); plot.dispatchEvent(new CustomEvent('point', { detail: chosen })); },
      onclick: (event) => onpick(nearest(event)),
    },
    grid,
    ticks,
    peers && svg('path', { class: 'between', d: `${path(fromNow(patient))}${path([...peers].reverse()).replace('M', 'L')}Z` }),
    peers && svg('path', { class: 'peers', d: path(fromNow(peers)) }),
    svg('path', { class: 'risk', d: path(fromNow(patient)) }),
    patient.map(([cx, cy]) => svg('circle', { class: 'dot', cx, cy, r: 2 })),
    cursor,
  );
  return plot;
}

function plotInWords(risk, days) {
  const last = days.length - 1;
  const name = risk.description ?? risk.code;
  const end = `${percent(risk.cumulative_incidence[last])} within ${longTime(days[last])}`;
  const peers = risk.reference ? `, people of the same age and sex ${percent(risk.reference[last])}` : '';
  return `${name}: risk rises to ${end}${peers}. The numbers follow the plot.`;
}

/** The same as a table, for those who can't see or don't trust a plot. */
function curveTable(risk, days) {
  const row = (day, index) => html('tr', {},
    html('th', { scope: 'row' }, longTime(day)),
    html('td', {}, percent(risk.cumulative_incidence[index])),
    html('td', {}, risk.reference ? percent(risk.reference[index]) : '–'));
  return html('table', { class: 'numbers' },
    html('caption', { class: 'visually-hidden' }, `${risk.description ?? risk.code}, all horizons`),
    html('thead', {}, html('tr', {},
      html('th', { scope: 'col' }, 'Within'), html('th', { scope: 'col' }, 'Patient'), html('th', { scope: 'col' }, 'Peers'))),
    html('tbody', {}, days.map(row)));
}
