/** What keeps a page of the live feed going: once a second, whenever it is seen again, and when the network is back. */

const DEAD_MS = 15_000;

/** Have a feed that says nothing tried anew; `draw(atOnce)` is the page's. */
export function keepAwake(store, feed, draw) {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) feed.tryNow();
    draw(true);
  });
  addEventListener("online", feed.tryNow);
  setInterval(() => {
    if (store.bot?.state === "live" && feed.status.phase === "open" && performance.now() - store.clockMs > DEAD_MS) feed.kick();
    draw(false);
  }, 1000);
}
