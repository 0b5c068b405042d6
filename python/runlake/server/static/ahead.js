// Ahead: the first rows of the page of runs are asked for before the modules that draw them are here.
// @ts-check
import { firstRequest } from "./lib/rows.js";
import { ARROW, LONGEST, addressOf, joined, parse } from "./lib/url.js";

if (location.pathname === "/runs") {
  const state = parse(location.search);
  const address = addressOf("runs", firstRequest(state, joined(state.where, state.brush)));
  if (address.length <= LONGEST) {
    const answer = fetch(address, { headers: { accept: ARROW } });
    const body = answer.then((begun) => begun.arrayBuffer()); // is there when it is wanted, and nobody waits a frame for it
    for (const awaited of [answer, body]) awaited.catch(() => undefined); // whoever takes them hears of it
    Object.assign(globalThis, { ahead: { address, answer, body } }); // lib/api.js takes it
  }
}
