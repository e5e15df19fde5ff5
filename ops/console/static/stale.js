// What a page does by itself, beside htmx.

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

// A player that fails shows a grey bar and no reason: the page that its address leads to has one.
const asked = new Set();

async function explain(player) {
  const why = player.nextElementSibling;
  let sentence = "This browser cannot play the audio.";
  try {
    const answer = await fetch(player.src);
    if (answer.ok) {
      await answer.body.cancel(); // it is there
    } else {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      sentence = page.querySelector("main p")?.textContent ?? sentence;
    }
  } catch {
    sentence = "The console does not answer.";
  }
  why.hidden = false;
  why.textContent = sentence;
}

document.addEventListener("error", (event) => {
  const player = event.target;
  if (player instanceof HTMLAudioElement && !asked.has(player.src)) {
    asked.add(player.src);
    explain(player);
  }
}, true);
document.addEventListener("playing", (event) => {
  event.target.nextElementSibling.hidden = true;
}, true);
