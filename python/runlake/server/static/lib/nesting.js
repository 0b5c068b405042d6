// Nesting: keys such as `model.encoder.depth` as a tree, and the lines of it that are seen.
// @ts-check

/**
 * A key, or what several keys begin with, or both.
 *
 * @typedef {{path: string, name: string, key: string | null, leaves: number, children: Node[]}} Node
 *   path: up to here; name: its last part, or several where nothing else branches off; key: that ends here, if one does
 */
/** @typedef {{node: Node, depth: number, open: boolean}} Line */

/**
 * Make a tree of keys by the dots in them, in their order. Parts that lead to a single thing are one line.
 *
 * @param {readonly string[]} keys
 * @returns {Node[]}
 */
export function nest(keys) {
  const root = made("", "");
  /** @type {Map<string, Node>} */
  const known = new Map([["", root]]);
  for (const key of keys) {
    let above = root;
    for (let end = key.indexOf(".", 1); end > 0 && end < key.length - 1; end = key.indexOf(".", end + 1)) {
      above = child(known, above, key.slice(0, end));
    }
    child(known, above, key).key = key;
  }
  return root.children.map(joined);
}

/**
 * The lines that are seen of a tree, from top to bottom.
 *
 * @param {readonly Node[]} nodes
 * @param {ReadonlySet<string>} closed paths whose children are not seen
 * @param {number} [depth]
 * @returns {Line[]}
 */
export function lines(nodes, closed, depth = 0) {
  return nodes.flatMap((node) => {
    const open = !closed.has(node.path);
    return [{ node, depth, open }, ...(open ? lines(node.children, closed, depth + 1) : [])];
  });
}

/** @param {string} path @param {string} name @returns {Node} */
function made(path, name) {
  return { path, name, key: null, leaves: 0, children: [] };
}

/** @param {Map<string, Node>} known @param {Node} above @param {string} path */
function child(known, above, path) {
  let node = known.get(path);
  if (!node) {
    node = made(path, path.slice(above.path ? above.path.length + 1 : 0));
    known.set(path, node);
    above.children.push(node);
  }
  return node;
}

/** @param {Node} node @returns {Node} */
function joined(node) {
  const children = node.children.map(joined);
  const leaves = children.reduce((sum, one) => sum + one.leaves, node.key === null ? 0 : 1);
  if (node.key !== null || children.length !== 1) return { ...node, children, leaves };
  return { ...children[0], name: `${node.name}.${children[0].name}`, leaves };
}
