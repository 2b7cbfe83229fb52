// Shows the AM user whose token stands behind # in the address their own QR code.

const element = (id) => document.getElementById(id);

/** Shows one part of the page and no other. */
function show(part) {
  for (const section of document.querySelectorAll("section")) {
    section.hidden = section.id !== part;
  }
}

/** Asks the API; what it refuses is thrown as its problem (RFC 9457). */
async function ask(path) {
  const token = location.hash.slice(1);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (!answer.ok) {
    throw await answer.json();
  }
  return answer;
}

async function main() {
  const me = await (await ask("api/v1/me")).json();
  if (!me.user) {
    throw { detail: "The address is not an employee's. Ask your administrator for your own." };
  }
  const of = (page) =>
    `api/v1/users/${encodeURIComponent(me.user)}/${page}?company=${encodeURIComponent(me.company)}`;
  const link = await (await ask(of("click-to-chat"))).json();
  const picture = URL.createObjectURL(await (await ask(of("qr.png"))).blob());

  element("name").textContent = link.name;
  element("picture").src = picture;
  element("picture").alt = `QR code that opens WhatsApp with the message #${link.extension}`;
  element("link").textContent = link.url;
  element("link").href = link.url;
  element("download").href = picture;
  element("download").download = `onboarding-${me.user}.png`;
  element("share").addEventListener("click", () => share(link));
  await element("picture").decode();
  show("working");
}

/** By what the device offers; where it offers nothing, or not in this frame, the link is copied. */
async function share({ name, url }) {
  if (navigator.share) {
    try {
      await navigator.share({ title: name, url });
      return;
    } catch (error) {
      if (error.name === "AbortError") {
        return;
      }
    }
  }
  try {
    await navigator.clipboard.writeText(url);
    element("shared").textContent = "The link is copied.";
  } catch {
    element("shared").textContent = "It could not be shared: copy the link above.";
  }
}

/** What each refusal means to the person in front of the page. */
function explain(problem) {
  const code = (problem.type ?? "").split(":").pop();
  if (code === "no-extension") {
    show("no-extension");
  } else if (code === "account-configuration-broken") {
    show("broken");
  } else {
    element("reason").textContent =
      reasons[code] ?? problem.detail ?? "The service does not answer. Try again in a moment.";
    show("failed");
  }
}

const reasons = {
  "no-token": "Your address has no key behind the #. Ask your administrator for your own address.",
  "token-invalid": "Your address is no longer valid. Ask your administrator for a new one.",
  "unknown-user": "You are not active in the directory. Ask your administrator.",
};

// Another address in the same tab may differ behind the # only, which loads nothing by itself.
addEventListener("hashchange", () => location.reload());

main().catch(explain);
