"use strict";
(() => {
  const page = document.documentElement;
  const content = JSON.parse(document.getElementById("content").textContent);
  const colour = (name) => getComputedStyle(page).getPropertyValue(`--${name}`).trim();

  // -- plots: drawn again when the colours, the metric or the chosen variants change --

  const theme = () => {
    const [ink, soft, line] = ["ink", "soft", "line"].map(colour);
    const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, labelFont: "system-ui, sans-serif", titleFont: "system-ui, sans-serif", titleFontWeight: "normal" };
    return {
      background: null,
      view: { stroke: null },
      font: "system-ui, sans-serif",
      axis: { ...text, domainColor: soft, tickColor: soft, gridColor: line, titlePadding: 8 },
      legend: text,
      text: { fill: ink, fontSize: 13 },
      rule: { color: ink },
      tick: { color: colour("two") },
      mark: { color: colour("one") },
      axisQuantitative: { tickCount: 6 },
      style: { halo: { fill: colour("paper"), stroke: colour("paper"), strokeWidth: 4, strokeJoin: "round" }, label: { fill: ink } },
      range: { category: ["one", "two", "three", "four", "five", "six", "seven", "eight"].map(colour), symbol: ["circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "triangle-right", "triangle-left"] },
    };
  };

  const draw = async (place) => {
    const key = place.dataset.figure;
    const select = document.querySelector(`select[data-plot="${key}"]`);
    const plots = content.plots[key];
    const plot = plots[select ? Number(select.value) : 0];
    const boxes = [...document.querySelectorAll(`fieldset[data-variants="${key}"] input`)];
    const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const panel = place.dataset.panel;
    const here = panel === undefined ? plot.rows : plot.rows.filter((row) => row.panel === panel);
    const rows = boxes.length ? here.filter((row) => chosen.has(row.variant)) : here;
    const spec = structuredClone(plot.spec ?? plots[0].spec);
    delete spec.data;
    if (boxes.length) narrow(spec, boxes.map((box) => box.value).filter((name) => chosen.has(name)));
    spec.datasets = { rows };
    spec.data = { name: "rows" };
    spec.description = `${place.dataset.title}${plot.label ? `, ${plot.label}` : ""}: ${rows.length} marks; the tables have the numbers`;
    const holder = document.createElement("div");
    holder.style.width = "100%";
    place.replaceChildren(holder);
    const options = { actions: false, renderer: "svg", ast: false, config: theme(), tooltip: { theme: page.dataset.theme === "dark" ? "dark" : "light" } };
    await vegaEmbed(holder, spec, options);
    place.dataset.drawn = String(rows.length);
  };

  // A legend names only the variants that are drawn; each keeps the colour, shape and dash of its place among all of them.
  const narrow = (spec, names) => {
    for (const layer of spec.layer) {
      for (const channel of Object.values(layer.encoding)) {
        if (channel.field === "variant" && channel.legend) channel.legend.values = names;
      }
    }
  };

  const places = [...document.querySelectorAll("[data-figure]")];
  const drawAll = () => Promise.all(places.map(draw));
  for (const select of document.querySelectorAll("select[data-plot]")) {
    select.addEventListener("change", () => places.filter((place) => place.dataset.figure === select.dataset.plot).forEach(draw));
  }
  for (const set of document.querySelectorAll("fieldset[data-variants]")) {
    set.addEventListener("change", () => draw(places.find((place) => place.dataset.figure === set.dataset.variants)));
  }
  for (const controls of document.querySelectorAll(".controls")) controls.hidden = controls.children.length === 0;

  // -- light and dark --

  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (page.dataset.theme ? page.dataset.theme === "dark" : system.matches);
  const label = () => { toggle.textContent = isDark() ? "Light colours" : "Dark colours"; };
  toggle.hidden = false;
  toggle.addEventListener("click", () => { page.dataset.theme = isDark() ? "light" : "dark"; label(); drawAll(); });
  system.addEventListener("change", () => { label(); drawAll(); });
  label();

  // -- samples: one training seed at a time --

  const seed = document.getElementById("sample-seed");
  const groups = [...document.querySelectorAll(".samples")];
  const showSeed = () => groups.forEach((group) => { group.hidden = seed !== null && group.dataset.seed !== seed.value; });
  if (seed) seed.addEventListener("change", showSeed);
  showSeed();

  // -- trials: data, of which some rows are drawn; searched, sorted and filtered as data --

  const AT_ONCE = 100;
  const table = document.getElementById("trial-table");
  const body = table.tBodies[0];
  const { link, links } = content.trials;
  const columns = content.trials.columns.map((column) => {
    const cells = typeof column.cells === "string" ? (column.cells === "" ? [] : column.cells.split(" ")) : column.cells.map((place) => column.of[place]);
    return { label: column.label, number: column.number, cells };
  });
  const [, , , states] = columns;
  const all = states.cells.map((_, trial) => trial);
  let sorted = all;
  let found = all;
  let texts = null;
  const written = (number) => number.toLocaleString("en-US");

  const rowOf = (trial) => {
    const row = document.createElement("tr");
    columns.forEach((column, place) => {
      const cell = document.createElement(place === 0 ? "th" : "td");
      if (place === 0) cell.scope = "row";
      if (column.number) cell.className = "number";
      if (column === states) cell.className = column.cells[trial];
      if (place === 0 && links[trial]) {
        const anchor = document.createElement("a");
        anchor.href = link + links[trial];
        anchor.rel = "noreferrer";
        anchor.textContent = column.cells[trial];
        cell.append(anchor);
      } else cell.textContent = column.cells[trial];
      row.append(cell);
    });
    return row;
  };

  const more = document.getElementById("more");
  const drawMore = () => {
    const first = body.rows.length;
    body.append(...found.slice(first, first + AT_ONCE).map(rowOf));
    const rest = found.length - body.rows.length;
    more.hidden = rest === 0;
    more.textContent = `${written(Math.min(rest, AT_ONCE))} more of ${written(rest)}`;
    return first;
  };
  more.addEventListener("click", () => {
    const first = body.rows[drawMore()];
    if (!more.hidden || !first) return;
    first.tabIndex = -1;  // the button has gone: the keyboard goes on at what it brought
    first.focus();
  });

  const search = document.getElementById("trial-search");
  const state = document.getElementById("trial-state");
  const count = document.getElementById("trial-count");
  for (const name of new Set(states.cells)) {
    const option = document.createElement("option");
    option.value = name;
    option.textContent = `${name} (${written(states.cells.filter((other) => other === name).length)})`;
    state.append(option);
  }
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) texts ??= all.map((trial) => columns.map((column) => column.cells[trial]).join(" ").toLowerCase());
    found = sorted.filter((trial) => (state.value === "" || states.cells[trial] === state.value) && words.every((word) => texts[trial].includes(word)));
    body.replaceChildren();
    drawMore();
    count.textContent = found.length === all.length ? `${written(all.length)} trials` : `${written(found.length)} of ${written(all.length)} trials`;
  };
  search.addEventListener("input", show);
  state.addEventListener("change", show);

  const keyOf = (column) => (column.number ? column.cells.map((text) => parseFloat(text.replaceAll(",", ""))) : column.cells.map((text) => text.toLowerCase()));
  [...table.tHead.rows[0].cells].forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keys = keyOf(columns[place]);
      // What has no value comes last, whichever way.
      const missing = (value) => value === "" || Number.isNaN(value);
      sorted = [...all].sort((a, b) => {
        if (missing(keys[a]) || missing(keys[b])) return Number(missing(keys[a])) - Number(missing(keys[b]));
        const order = keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : 0;
        return up ? order : -order;
      });
      show();
    });
  });
  show();

  drawAll().then(() => { page.dataset.ready = "yes"; }, (error) => { page.dataset.ready = `failed: ${error}`; });
})();
