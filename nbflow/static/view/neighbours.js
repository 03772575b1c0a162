// Where the arrow keys lead from a card of the picture.

/** @import { Place } from "./frame.js" */

/** @typedef {{needs: Set<string>, feeds: Set<string>}} Links steps that its lines come from and lead to */

/**
 * The card in a direction: with the flow or against it to the nearest layer, best to a card on a line from here;
 * across it within the layer, and where that ends to the nearest one elsewhere.
 * @param {Map<string, Place>} cards @param {Map<string, Links>} links @param {string} from @param {[number, number]} way
 * @returns {string | null}
 */
export function neighbour(cards, links, from, [dx, dy]) {
  const here = cards.get(from);
  const linked = links.get(from);
  if (!here || !linked) return null;
  const places = [...cards].map(([step, card]) => {
    const [right, down] = [card.x + card.w / 2 - here.x - here.w / 2, card.y + card.h / 2 - here.y - here.h / 2];
    return { step, along: right * dx + down * dy, aside: Math.abs(right * dy) + Math.abs(down * dx) };
  }).filter(({ along }) => along > 1);
  const [long, thick] = dx ? [here.w / 2, here.h / 2] : [here.h / 2, here.w / 2];
  const layer = Math.min(...places.map(({ along }) => along)) + long;
  const isLinked = (/** @type {string} */ step) => linked.needs.has(step) || linked.feeds.has(step);
  const withFlow = (dx !== 0) === across(cards, links);
  const scored = withFlow
    ? places.filter(({ along }) => along <= layer).map(({ step, aside }) => ({ step, far: aside + (isLinked(step) ? 0 : 1e6) }))
    : places.map(({ step, along, aside }) => ({ step, far: along + 2 * aside + (aside < thick ? 0 : 1e6) }));
  return scored.sort((one, other) => one.far - other.far)[0]?.step ?? null;
}

/** Whether what flows goes from left to right, not from top to bottom. @param {Map<string, Place>} cards @param {Map<string, Links>} links */
function across(cards, links) {
  let [right, down] = [0, 0];
  for (const [step, { feeds }] of links) {
    const from = cards.get(step);
    for (const fed of feeds) {
      const to = cards.get(fed);
      if (!from || !to) continue;
      if (to.x > from.x + from.w) right++;
      if (to.y > from.y + from.h) down++;
    }
  }
  return right > down;
}
