const SVG = 'http://www.w3.org/2000/svg';

/** The element with this id. */
const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  // Text becomes text nodes: nothing that a server or a record says is ever read as markup.
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const significant = (value, digits) => Number(value.toPrecision(digits));

/** A probability in per cent, with no more digits than it deserves. */
function percent(p) {
  if (p > 0 && p < 0.0005) return '<0.1 %';
  if (p > 0.9995 && p < 1) return '>99.9 %';
  return `${(p * 100).toFixed(p < 0.0995 ? 1 : 0)} %`;
}

/** A probability as people of a group. */
function frequency(p) {
  if (p >= 0.995) return 'nearly all';
  if (p >= 0.0095) return `about ${Math.round(p * 100)} in 100`;
  if (p >= 0.00095) return `about ${Math.round(p * 1000)} in 1,000`;
  return 'fewer than 1 in 1,000';
}

function times(ratio) {
  if (ratio === null) return '–';
  if (ratio >= 100) return '>100×';
  return `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)}×`;
}

function points(difference) {
  if (difference === null) return '–';
  const text = Math.abs(difference * 100).toFixed(1);
  return text === '0.0' ? '0.0' : `${difference > 0 ? '+' : '−'}${text}`;
}

/** Days in the unit that people use: `30 d`, `6 mo`, `1 y`. */
function shortTime(days) {
  if (days >= 365) return `${significant(days / 365.25, 2)} y`;
  if (days >= 150) return `${Math.round(days / 30.4)} mo`;
  return days >= 1 ? `${significant(days, 3)} d` : `${significant(days * 24, 2)} h`;
}

function longTime(days) {
  const [count, unit] = shortTime(days).split(' ');
  const word = { y: 'year', mo: 'month', d: 'day', h: 'hour' }[unit];
  return `${count} ${word}${count === '1' ? '' : 's'}`;
}
