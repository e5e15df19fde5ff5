// Says so when the page cannot look again: an old page that says "no outage" is worse than none.
const warning = document.getElementById("stale");

function warn(old) {
  warning.hidden = !old;
}

document.addEventListener("htmx:error", () => warn(true));
document.addEventListener("htmx:after:swap", () => warn(false));
document.addEventListener("htmx:before:response", (event) => {
  const type = event.detail.ctx.response.headers.get("content-type") ?? "";
  if (!type.includes("html")) {
    event.preventDefault(); // no page of ours: keep what is there
    warn(true);
  }
});
