// Where the boxes of a graph stand, for pages that draw one: they are put in place of a mark in each.
const WIDTH = 200, HEIGHT = 52, GAP = 26, DROP = 40;
// Boxes have lists `above` and `below` and come after those above them; an edge has `from` and `to`. Sets x and y, the centres, and
// the points that an edge passes between its ends.
const layOut = (boxes, edges) => {
  // Layers by longest path; inputs slide down to their first reader. Long edges pass through a point in each layer between.
  for (const b of boxes) b.layer = b.above.length ? 1 + Math.max(...b.above.map((a) => a.layer)) : 0;
  for (const b of boxes) if (!b.above.length && b.below.length) b.layer = Math.min(...b.below.map((c) => c.layer)) - 1;
  const layers = [];
  const place = (item) => { (layers[item.layer] ??= []).push(item); return item; };
  for (const b of boxes) place(Object.assign(b, { w: WIDTH, up: [], down: [] }));
  for (const e of edges) {
    let last = e.from;
    e.points = [];
    for (let l = e.from.layer + 1; l <= e.to.layer; ++l) {
      const next = l === e.to.layer ? e.to : place({ layer: l, w: 14, up: [], down: [] });
      if (next !== e.to) e.points.push(next);
      last.down.push(next), next.up.push(last);
      last = next;
    }
  }
  const filled = layers.filter(Boolean);
  for (const layer of filled) layer.forEach((item, i) => { item.at = i; });
  for (let sweep = 0; sweep < 12; ++sweep) {
    const side = sweep % 2 ? 'down' : 'up';
    for (const layer of sweep % 2 ? [...filled].reverse() : filled) {
      for (const item of layer) if (item[side].length) item.wish = item[side].reduce((s, o) => s + o.at, 0) / item[side].length; else item.wish = item.at;
      layer.sort((a, b) => a.wish - b.wish).forEach((item, i) => { item.at = i; });
    }
  }
  for (const layer of filled) {
    let x = 0;
    for (const item of layer) { item.x = x; x += item.w + GAP; }
    for (const item of layer) item.x -= (x - GAP) / 2 - item.w / 2;
  }
  for (let sweep = 0; sweep < 10; ++sweep) {
    const side = sweep % 2 ? 'down' : 'up';
    for (const layer of filled) {
      for (const item of layer) {
        const others = item[side].length ? item[side] : [item];
        item.wish = others.reduce((s, o) => s + o.x, 0) / others.length;
      }
      // As near to the wishes as the order and the gaps allow: from the left, then from the right, the mean of both.
      const need = (a, b) => (a.w + b.w) / 2 + GAP;
      const left = [], right = [];
      layer.forEach((item, i) => { left[i] = i ? Math.max(item.wish, left[i - 1] + need(layer[i - 1], item)) : item.wish; });
      for (let i = layer.length - 1; i >= 0; --i)
        right[i] = i + 1 < layer.length ? Math.min(layer[i].wish, right[i + 1] - need(layer[i], layer[i + 1])) : layer[i].wish;
      layer.forEach((item, i) => { item.x = (left[i] + right[i]) / 2; });
    }
  }
  filled.forEach((layer, i) => { for (const item of layer) item.y = i * (HEIGHT + DROP); });
};
