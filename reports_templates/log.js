// Sorting and filtering of the log. Without it the page is complete, in order of time.
(function () {
  "use strict";
  var table = document.getElementById("log-table");
  if (!table || !table.tBodies[0]) return;
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function key(row, column) {
    var cell = row.cells[column];
    var value = cell.getAttribute("data-v");
    return value === null ? cell.textContent.trim() : Number(value);
  }

  function sort(column, descending) {
    var sorted = rows.map(function (row, place) {
      return { row: row, key: key(row, column), place: place };
    });
    sorted.sort(function (a, b) {
      // Nothing known comes last, whichever way the rest is sorted.
      if ((a.key === "") !== (b.key === "")) return a.key === "" ? 1 : -1;
      var order = typeof a.key === "number" ? a.key - b.key : words.compare(a.key, b.key);
      return (descending ? -order : order) || a.place - b.place;
    });
    var page = document.createDocumentFragment();
    sorted.forEach(function (entry) { page.appendChild(entry.row); });
    body.appendChild(page);
    heads.forEach(function (head, at) {
      if (at === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  heads.forEach(function (head, column) {
    // The head's own text stays outside the button: browsers do not repeat the text of
    // buttons on every printed page. The whole head can be clicked.
    var button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", "Sort by " + head.textContent.toLowerCase());
    head.appendChild(button);
    head.addEventListener("click", function () {
      sort(column, head.getAttribute("aria-sort") === "ascending");
    });
  });
  heads[0].setAttribute("aria-sort", "ascending");

  var tools = document.getElementById("log-tools");
  var search = document.getElementById("log-search");
  var count = document.getElementById("log-count");
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  function filter() {
    var wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    rows.forEach(function (row, at) {
      var fits = wanted.every(function (word) { return texts[at].indexOf(word) >= 0; });
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    count.textContent = wanted.length ? shown + " of " + rows.length + " shown" : "";
  }
  search.addEventListener("input", filter);
  tools.hidden = false;
  if (search.value) filter();
})();
