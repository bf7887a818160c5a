// While the app is being written: a new style is taken over at once, anything else loads the page again.
const STYLE = "link[rel=stylesheet]";
const parts = (page) => [...page.querySelectorAll("meta[content^='/assets/'], script")].map((part) => part.content ?? part.getAttribute("src"));

async function look() {
  // The server may be starting again.
  const answer = await fetch("/", { cache: "no-cache" }).catch(() => null);
  if (answer?.ok) {
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (String(parts(now)) !== String(parts(document))) location.reload();
    const [style, shown] = [now, document].map((page) => page.querySelector(STYLE));
    if (style.getAttribute("href") !== shown.getAttribute("href")) shown.href = style.getAttribute("href");
  }
  setTimeout(look, 1000);
}

look();
