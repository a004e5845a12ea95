/// The page of `client serve`: three files without anything of the customer in them. The token stays in the
/// address's fragment, which browsers send to no one.
enum ConsolePage {
  /// - Returns: nil if the path is none of the page's.
  static func asset(_ path: [String]) -> APIResponse? {
    func asset(_ type: String, _ text: String) -> APIResponse {
      APIResponse(status: 200, contentType: type, body: Array(text.utf8))
    }
    switch path {
    case []: return asset("text/html; charset=utf-8", html)
    case ["page.css"]: return asset("text/css; charset=utf-8", style)
    case ["page.js"]: return asset("text/javascript; charset=utf-8", script)
    case ["openapi.json"]: return .json(OpenAPIDocument.json)
    default: return nil
    }
  }

  private static let html = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Your recommendations</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/page.css">
    <script src="/page.js" defer></script>
    </head>
    <body>
    <header>
    <h1>Your recommendations</h1>
    <p>Made on this device, from your own log. Nothing on this page leaves it.</p>
    </header>
    <p id="problem" role="alert" hidden></p>
    <main>
    <section aria-labelledby="slate-title">
    <div class="bar">
    <h2 id="slate-title">For you</h2>
    <span class="actions">
    <button id="controls" type="button">Controls</button>
    <button id="again" type="button">New list</button>
    </span>
    </div>
    <p id="how" class="quiet"></p>
    <ol id="slate" aria-live="polite"></ol>
    </section>
    <aside>
    <section aria-labelledby="controls-title">
    <h2 id="controls-title">You decide</h2>
    <label class="row"><input id="personalised" type="checkbox" checked>
    <span>Personalised<small>Off: the same list as for someone unknown.</small></span></label>
    <label class="row"><input id="repeats" type="checkbox">
    <span>Include what I bought before</span></label>
    <label class="field" for="policy">How to explore</label>
    <select id="policy">
    <option value="">Not at all: only the best</option>
    <option value="linucb">Where we are unsure (LinUCB)</option>
    <option value="linear-thompson">By a draw of your taste (Thompson)</option>
    <option value="category-thompson">By kinds of items (Thompson)</option>
    <option value="plackett-luce">By chance, better items more often</option>
    <option value="epsilon-greedy">Now and then, any item</option>
    </select>
    <label class="field" for="budget">Exploration: <output id="slots"></output></label>
    <input id="budget" type="range" min="0" max="100" step="5">
    <p id="used" class="quiet"></p>
    </section>
    <section aria-labelledby="interests-title">
    <h2 id="interests-title">What this device thinks you like</h2>
    <ul id="interests"></ul>
    <p id="untried" class="quiet"></p>
    <ul id="deleted"></ul>
    </section>
    <section aria-labelledby="consent-title">
    <h2 id="consent-title">Contribution</h2>
    <p id="consent"></p>
    </section>
    </aside>
    </main>
    </body>
    </html>

    """

  private static let style = """
    :root {
      color-scheme: light dark;
      --back: #f6f7f5; --card: #fff; --ink: #1c2321; --quiet: #5c6864; --line: #dfe4e1;
      --accent: #0b6e4f; --accent-ink: #fff; --minus: #a4442f; --soft: #e4f0eb;
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --back: #131715; --card: #1c2220; --ink: #e7ece9; --quiet: #9aa6a1; --line: #303835;
        --accent: #4cc39a; --accent-ink: #0c1512; --minus: #e58a74; --soft: #20352d;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 74rem; padding: 1.25rem; background: var(--back); color: var(--ink); }
    header { margin-bottom: 1.25rem; }
    h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
    h2 { font-size: 1.05rem; margin: 0; }
    header p, .quiet, small { color: var(--quiet); }
    header p, .quiet { margin: 0; font-size: .9rem; }
    main { display: grid; gap: 1.25rem; }
    aside { display: grid; gap: 1.25rem; align-content: start; }
    @media (min-width: 56rem) { main { grid-template-columns: minmax(0, 1.7fr) minmax(18rem, 1fr); } }
    section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; }
    .bar { display: flex; align-items: center; justify-content: space-between; gap: 1rem; }
    ol, ul { list-style: none; margin: 0; padding: 0; }
    #slate > li { border-top: 1px solid var(--line); padding: .9rem 0; display: grid; gap: .5rem;
      grid-template-columns: 1.75rem minmax(0, 1fr); }
    #slate > li:first-child { margin-top: .75rem; }
    .place { color: var(--quiet); font-variant-numeric: tabular-nums; padding-top: .1rem; }
    .name { font-weight: 600; overflow-wrap: anywhere; }
    .code { color: var(--quiet); font-size: .85rem; margin-left: .5rem; white-space: nowrap; }
    .chance { display: inline-block; background: var(--soft); color: var(--ink); border-radius: 1rem;
      font-size: .8rem; padding: .05rem .6rem; margin-top: .25rem; }
    .reasons { margin-top: .5rem; display: grid; gap: .35rem; font-size: .9rem; }
    .reasons li { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr); gap: .6rem; align-items: start; }
    .share { display: grid; gap: .2rem; color: var(--quiet); font-size: .8rem; font-variant-numeric: tabular-nums; }
    meter { width: 100%; height: .45rem; border: 0; background: var(--line); border-radius: 1rem; }
    meter::-webkit-meter-bar { background: var(--line); border: 0; border-radius: 1rem; height: .45rem; }
    meter::-webkit-meter-optimum-value { background: var(--accent); border-radius: 1rem; }
    meter.minus::-webkit-meter-optimum-value { background: var(--minus); }
    .act { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .6rem; }
    button { font: inherit; font-size: .88rem; border-radius: .5rem; border: 1px solid var(--line); cursor: pointer;
      background: transparent; color: var(--ink); padding: .3rem .75rem; }
    button:hover { border-color: var(--accent); }
    button:focus-visible, select:focus-visible, input:focus-visible { outline: 2px solid var(--accent);
      outline-offset: 2px; }
    .actions { display: flex; gap: .5rem; }
    @media (min-width: 56rem) { #controls { display: none; } }
    @media (max-width: 30rem) {
      body { padding: .75rem; }
      #slate > li { grid-template-columns: 1.1rem minmax(0, 1fr); }
      .reasons li { grid-template-columns: 3rem minmax(0, 1fr); }
    }
    #again { background: var(--accent); color: var(--accent-ink); border-color: var(--accent); font-weight: 600; }
    button[disabled] { opacity: .55; cursor: default; }
    .row { display: flex; gap: .6rem; align-items: start; margin-top: .75rem; }
    .row input { margin-top: .3rem; accent-color: var(--accent); }
    .row small { display: block; }
    .field { display: block; margin-top: 1rem; font-weight: 600; font-size: .9rem; }
    .field output { font-weight: 400; }
    select, input[type=range] { width: 100%; margin-top: .35rem; accent-color: var(--accent); }
    select { font: inherit; padding: .35rem .5rem; border-radius: .5rem; border: 1px solid var(--line);
      background: var(--card); color: var(--ink); }
    #interests li, #deleted li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .25rem .75rem;
      padding: .65rem 0; border-bottom: 1px solid var(--line); align-items: start; }
    #interests small, #deleted small { display: block; overflow-wrap: anywhere; }
    #untried { margin-top: .6rem; }
    #problem { background: var(--minus); color: #fff; padding: .7rem 1rem; border-radius: .5rem; }
    #consent { margin: .5rem 0 0; font-size: .9rem; }

    """

  private static let script = #"""
    "use strict";
    const token = location.hash.slice(1);
    const $ = (id) => document.getElementById(id);

    function make(tag, text, kind) {
      const node = document.createElement(tag);
      if (text !== undefined) node.textContent = text;
      if (kind) node.className = kind;
      return node;
    }

    async function ask(method, path, body) {
      const response = await fetch(path, {
        method,
        headers: { "Authorization": "Bearer " + token, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const answer = await response.json();
      if (answer.error) throw new Error(answer.error.what + ": " + answer.error.why + ". " + answer.error.next);
      $("problem").hidden = true;
      return answer;
    }

    async function attempt(work) {
      try { await work(); } catch (problem) {
        $("problem").textContent = problem.message;
        $("problem").hidden = false;
      }
    }

    function button(text, action) {
      const node = make("button", text);
      node.type = "button";
      node.addEventListener("click", () => attempt(() => action(node)));
      return node;
    }

    function reason(part) {
      const line = make("li");
      const share = make("div", Math.round(part.share * 100) + " %", "share");
      const meter = make("meter", undefined, part.share < 0 ? "minus" : "");
      meter.max = 1;
      meter.value = Math.abs(part.share);
      meter.setAttribute("aria-label", "share of the score");
      share.append(meter);
      line.append(share, make("span", part.sentence));
      return line;
    }

    function showItem(item, place, slate) {
      const line = make("li");
      const content = make("div");
      const title = make("div");
      title.append(make("span", item.description || item.item, "name"));
      if (item.description) title.append(make("span", item.item, "code"));
      content.append(title);
      if (slate !== null && item.propensity < 1) {
        content.append(make("span", "exploring: shown here with probability " + item.propensity.toPrecision(2), "chance"));
      }
      const reasons = make("ul", undefined, "reasons");
      for (const part of item.reasons) {
        if (Math.abs(part.share) >= 0.005 || part.component === "exploration") reasons.append(reason(part));
      }
      content.append(reasons);
      if (slate !== null) {
        const act = make("div", undefined, "act");
        for (const [text, outcome] of [["I like it", "clicked"], ["Not for me", "dismissed"]]) {
          act.append(button(text, async (node) => {
            await ask("POST", "/v1/feedback", { slate, item: item.item, outcome });
            for (const other of act.children) other.disabled = true;
            node.textContent = "Noted on this device";
            await showProfile();
          }));
        }
        content.append(act);
      }
      line.append(make("span", String(place), "place"), content);
      return line;
    }

    async function showSlate() {
      const query = { k: 10, personalised: $("personalised").checked };
      query.repeat = $("repeats").checked ? "allow" : "suppress";
      // A list that can be answered is drawn and numbered, also when nothing is explored. Where nothing is
      // chosen, an experiment that the customer agreed to chooses.
      const chosen = $("policy").value;
      if (query.personalised && (chosen || !(await ask("GET", "/v1/profile")).experiment)) {
        query.policy = chosen || "greedy";
      }
      const answer = await ask("POST", "/v1/slates", query);
      $("slate").replaceChildren(...answer.items.map((item, place) => showItem(item, place + 1, answer.slate)));
      $("slate-title").textContent = query.personalised ? "For you" : "For anyone";
      $("how").textContent = !query.personalised
        ? "By what customers buy, learned with noise. Nothing about you was used."
        : answer.explored_slots === 0
          ? "The best by what is known; nothing is left to chance."
          : answer.explored_slots + " of " + answer.items.length + " positions explore.";
      if (answer.experiment) $("how").textContent += " This is an " + answer.experiment.sentence + ".";
      $("policy").disabled = !query.personalised;
      await showProfile();
    }

    async function showProfile(answer) {
      const profile = answer || await ask("GET", "/v1/profile");
      const known = profile.interests.filter((interest) => interest.standing !== "untried");
      $("interests").replaceChildren(...known.map((interest) => {
        const line = make("li");
        const text = make("div");
        text.append(make("strong", interest.tag), make("small", interest.sentence));
        line.append(text, button("Delete", async () => {
          await showProfile(await ask("DELETE", "/v1/profile/interests/" + encodeURIComponent(interest.tag)));
          await showSlate();
        }));
        return line;
      }));
      const rest = profile.interests.length - known.length;
      $("untried").textContent = known.length === 0
        ? "Nothing is known about you yet." : "Nothing is known about " + rest + " other kinds.";
      $("deleted").replaceChildren(...profile.deleted.map((interest) => {
        const line = make("li");
        const text = make("div");
        text.append(make("strong", interest.tag), make("small", interest.revived
          ? "deleted, and back since you took such an item again"
          : "deleted: not shown, not counted, not contributed"));
        line.append(text, button("Restore", async () => {
          await showProfile(await ask("PUT", "/v1/profile/interests/" + encodeURIComponent(interest.tag)));
          await showSlate();
        }));
        return line;
      }));
      const slots = profile.exploration.slots_per_day;
      $("budget").max = Math.max(100, slots);
      $("budget").value = slots;
      showSlots(slots);
      $("used").textContent = profile.exploration.used_today + " used today";
    }

    function showSlots(slots) {
      $("slots").textContent = slots === 0 ? "off" : "at most " + slots + " positions a day";
    }

    async function showConsent() {
      const consent = await ask("GET", "/v1/consent");
      $("consent").textContent = consent.opted_out
        ? "This device is opted out: it contributes nothing."
        : consent.consent
          ? "You agreed to contribute to the shared model. Withdraw with: client consent withdraw"
          : "You contribute nothing to the shared model.";
    }

    $("controls").addEventListener("click", () => $("controls-title").scrollIntoView({ behavior: "smooth" }));
    $("again").addEventListener("click", () => attempt(showSlate));
    for (const id of ["personalised", "repeats", "policy"]) {
      $(id).addEventListener("change", () => attempt(showSlate));
    }
    $("budget").addEventListener("input", () => showSlots(Number($("budget").value)));
    $("budget").addEventListener("change", () => attempt(async () => {
      await showProfile(await ask("PUT", "/v1/profile/exploration", { slots_per_day: Number($("budget").value) }));
      await showSlate();
    }));
    attempt(async () => { await showSlate(); await showConsent(); document.body.dataset.ready = "yes"; });

    """#
}
