"use strict";
/* What both pages share: data, elements, numbers for people.
 *
 * Data come as scripts that call hedonData(name, value), because pages opened from disk may not fetch.
 * Names of files are text from anywhere: they only ever become textContent and attributes of elements
 * made here, never markup. */
const hedon = (() => {
  const arrived = new Map();
  window.hedonData = (name, value) => arrived.set(name, value);

  /** The value of data/NAME.js. fresh: not from the browser's cache. */
  function load(name, fresh) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `data/${name}.js${fresh ? `?t=${Date.now()}` : ""}`;
      script.onload = () => {
        script.remove();
        const value = arrived.get(name);
        arrived.delete(name);
        if (value === undefined) reject(new Error(`data/${name}.js is damaged`));
        else resolve(value);
      };
      script.onerror = () => {
        script.remove();
        reject(new Error(`data/${name}.js could not be read`));
      };
      document.head.append(script);
    });
  }

  const SVG = "http://www.w3.org/2000/svg";
  function fill(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const byId = (id) => document.getElementById(id);

  /** 0:07, 1:02:03; parts of a second where they matter. */
  function time(seconds, fine) {
    const whole = fine ? Math.floor(seconds) : Math.round(seconds);
    const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
    const two = (x) => String(x).padStart(2, "0");
    const tail = fine ? (seconds - whole).toFixed(1).slice(1) : "";
    return (h ? `${h}:${two(m)}` : `${m}`) + `:${two(s)}${tail}`;
  }
  const number = (x, digits = 3) => (x === null || x === undefined ? "" : Number(x.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits }));
  const count = (n) => n.toLocaleString("en");
  const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

  /** 1, 2 or 5 times a power of ten: cuts span into at most `parts`. */
  function step(span, parts) {
    const raw = span / parts, power = 10 ** Math.floor(Math.log10(raw));
    for (const factor of [1, 2, 5]) if (factor * power >= raw * (1 - 1e-9)) return factor * power;
    return 10 * power;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  /** The strongest of 27 intensities, strongest first; ties in alphabetical order. */
  function strongest(values, most) {
    return [...values.keys()].sort((a, b) => values[b] - values[a] || a - b).slice(0, most);
  }

  /** Cell k of count in a strip of thumbnails, as an element's background. */
  function picture(element, token, k, cells) {
    const folder = Number(token.split("-")[0]) % 100;
    element.style.backgroundImage = `url("thumbs/${folder}/${encodeURIComponent(token)}.png")`;
    element.style.backgroundSize = `${100 * cells}% 100%`;
    element.style.backgroundPosition = `${cells > 1 ? (100 * k) / (cells - 1) : 0}% 0`;
  }

  /** The caveats, before anything else. */
  function caveats(site) {
    byId("caveats").replaceChildren(...[site.warning, site.caveat].filter(Boolean).map((line) => el("p", {}, line)));
    byId("notes").replaceChildren(
      ...site.notes.split("\n").filter(Boolean).map((line) => el("p", {}, line)),
      el("p", {}, `hedon ${site.version}, model ${site.model}, settings ${site.settings}.`));
  }

  /** Draw now, and again when the element's width or the colour scheme changes. */
  function redraw(element, draw) {
    let width = -1;
    new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      draw();
    }).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }

  function failed(error) {
    byId("caveats").replaceChildren(el("p", {}, error.message));
    document.documentElement.dataset.state = "failed";
  }

  return { load, el, svg, byId, time, number, count, plural, step, colour, strongest, picture, caveats, redraw, failed };
})();
