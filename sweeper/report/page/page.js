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
    const plot = content[key][select ? Number(select.value) : 0];
    const boxes = [...document.querySelectorAll(`fieldset[data-variants="${key}"] input`)];
    const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const rows = boxes.length ? plot.rows.filter((row) => chosen.has(row.variant)) : plot.rows;
    const spec = structuredClone(plot.spec);
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
    select.addEventListener("change", () => draw(places.find((place) => place.dataset.figure === select.dataset.plot)));
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

  // -- trials: search and sort --

  const table = document.getElementById("trial-table");
  const body = table.tBodies[0];
  const trials = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { row, text } of trials) {
      row.hidden = !words.every((word) => text.includes(word));
      found += row.hidden ? 0 : 1;
    }
    count.textContent = found === trials.length ? `${found} trials` : `${found} of ${trials.length} trials`;
  });

  const valueOf = (row, column, numeric) => {
    const cell = row.cells[column];
    const text = cell.dataset.sort ?? cell.textContent;
    if (!numeric) return text.toLowerCase();
    return text === "" ? NaN : Number(text);
  };
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = heading.classList.contains("number");
      const keyed = trials.map(({ row }) => ({ row, value: valueOf(row, column, numeric) }));
      // What has no value comes last, whichever way.
      const missing = (value) => (numeric ? Number.isNaN(value) : value === "");
      keyed.sort((a, b) => {
        if (missing(a.value) || missing(b.value)) return Number(missing(a.value)) - Number(missing(b.value));
        const order = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
        return up ? order : -order;
      });
      body.append(...keyed.map(({ row }) => row));
    });
  });

  drawAll().then(() => { page.dataset.ready = "yes"; }, (error) => { page.dataset.ready = `failed: ${error}`; });
})();
