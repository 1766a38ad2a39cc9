"use strict";
/* A table of any length: only the rows in sight exist. One row is active; arrow keys move it, so that
 * Tab passes the table in one step. */
const videoTable = (() => {
  const { el, byId } = hedon;
  const SPARE = 8;

  /* columns: {key, name, className, number, text(row) or cell(td, row), sortable}. open(i). */
  function create(columns, rows, { sort, open, link }) {
    const scroller = byId("scroller"), body = byId("rows"), table = byId("table");
    const above = el("tr", { class: "space", "aria-hidden": "true" }, el("td", {}));
    const below = above.cloneNode(true);
    let order = [], active = 0, pitch = 57, first = -1, last = -1;

    const heads = new Map();
    byId("columns").replaceChildren(...columns.map((column) => {
      const head = el("th", { scope: "col", class: `${column.className}${column.number ? " number" : ""}` },
        column.sortable ? el("button", { type: "button", onclick: () => sort(column.key) }, column.name)
          : el("span", { class: column.hidden ? "unseen" : null }, column.name));
      heads.set(column.key, head);
      return head;
    }));

    function make(at) {
      const i = order[at], row = rows[i];
      const line = el("tr", { "aria-rowindex": at + 2, class: at === active ? "active" : null });
      line.dataset.at = at;
      for (const column of columns) {
        const cell = el("td", { class: `${column.className}${column.number ? " number" : ""}${row.error && column.link ? " failed" : ""}` });
        if (column.link) cell.append(el("a", { href: link(i), tabindex: -1, title: row.name }, column.text(row)));
        if (column.cell) column.cell(cell, row);
        else if (!column.link) cell.append(column.text(row));
        line.append(cell);
      }
      return line;
    }

    function draw(force) {
      const from = Math.max(0, Math.floor(scroller.scrollTop / pitch) - SPARE);
      const to = Math.min(order.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / pitch) + SPARE);
      if (!force && from === first && to === last) return;
      [first, last] = [from, to];
      const lines = [];
      for (let at = from; at < to; at++) lines.push(make(at));
      above.firstChild.style.height = `${from * pitch}px`;
      below.firstChild.style.height = `${(order.length - to) * pitch}px`;
      body.replaceChildren(above, ...lines, below);
    }

    /* Every row has the same height; which, the style sheet says. */
    function measure() {
      const line = body.querySelector("tr[data-at]");
      if (!line || !line.offsetHeight || line.offsetHeight === pitch) return;
      pitch = line.offsetHeight;
      draw(true);
    }

    function activate(at) {
      if (!order.length) return;
      active = Math.min(order.length - 1, Math.max(0, at));
      const head = table.tHead.offsetHeight, top = active * pitch;
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (top + pitch + head > scroller.scrollTop + scroller.clientHeight)
        scroller.scrollTop = top + pitch + head - scroller.clientHeight;
      draw(true);
      byId("row-says").textContent = `Row ${active + 1} of ${order.length}: ${rows[order[active]].name}`;
    }

    scroller.addEventListener("scroll", () => draw(false), { passive: true });
    scroller.addEventListener("keydown", (event) => {
      if (event.target !== scroller) return;
      const page = Math.max(1, Math.floor(scroller.clientHeight / pitch) - 2);
      const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: order.length - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        activate(to);
      } else if (event.key === "Enter" && order.length) {
        open(order[active]);
      }
    });
    body.addEventListener("click", (event) => {
      const line = event.target.closest("tr[data-at]");
      if (!line || event.target.closest("a")) return;
      active = Number(line.dataset.at);
      open(order[active]);
    });
    new ResizeObserver(() => { draw(true); measure(); }).observe(scroller);

    return {
      show(indices, key, ascending) {
        order = indices;
        active = 0;
        for (const [name, head] of heads) {
          if (name === key) head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
          else head.removeAttribute("aria-sort");
        }
        table.dataset.sort = key; /* a phone has room for one column of numbers */
        table.setAttribute("aria-rowcount", order.length + 1);
        scroller.scrollTop = 0;
        draw(true);
        measure();
      },
      rename(key, name) {
        const head = heads.get(key);
        (head.firstChild || head).textContent = name;
      },
      redraw: () => draw(true),
    };
  }

  return { create };
})();
