// Parts that stay where they are while what they say changes: what was clicked, marked, focused or scrolled stays so.
// `renewChildren` is the door.

/** What makes an element the same one when it is drawn again. @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? `${node.localName} ${node.classList[0] ?? ""} ${node.getAttribute("data-key") ?? ""}` : node.nodeName;
}

/** Let the children of an element be like these, which stand nowhere yet. @param {Element} element @param {Node[]} wanted */
export function renewChildren(element, wanted) {
  /** @type {Map<string, Node[]>} */
  const there = new Map();
  for (const child of element.childNodes) {
    const key = keyOf(child);
    const alike = there.get(key);
    if (alike) alike.push(child);
    else there.set(key, [child]);
  }
  const kept = wanted.map((fresh) => {
    const old = there.get(keyOf(fresh))?.shift();
    if (old) renew(old, fresh);
    return old ?? fresh;
  });
  for (const rest of there.values()) for (const child of rest) element.removeChild(child);
  let next = element.firstChild;
  for (const node of kept) {
    if (next === node) next = next.nextSibling;
    else element.insertBefore(node, next);
  }
}

/** @param {Node} old stays @param {Node} fresh of the same key */
function renew(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (!(old instanceof Element && fresh instanceof Element)) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const text = old.firstChild;
  if (old.localName === "pre" && text instanceof Text) goOn(old, text, fresh.textContent ?? "");
  else renewChildren(old, [...fresh.childNodes]);
}

/** A box of printed text: more below and less above, under the eyes of a reader. @param {Element} box @param {Text} text @param {string} next */
function goOn(box, text, next) {
  const [top, before] = [box.scrollTop, box.scrollHeight];
  const atEnd = top + box.clientHeight >= before - 4;
  const old = text.data;
  const lines = old.lastIndexOf("\n") + 1; // before the last one, which may have been written over
  let gone = 0; // the first ones, which are left out now
  while (gone < lines && !next.startsWith(old.slice(gone, lines))) gone = old.indexOf("\n", gone) + 1;
  const other = lines > 0 && gone === lines;
  if (other) gone = 0;
  let same = 0;
  while (same < next.length && next[same] === old[gone + same]) same++;
  text.deleteData(gone + same, old.length);
  const tall = box.scrollHeight;
  text.deleteData(0, gone);
  const lifted = tall - box.scrollHeight;
  text.appendData(next.slice(same));
  box.scrollTop = atEnd ? box.scrollHeight : top - lifted;
}
