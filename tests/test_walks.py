"""The pages as people walk them (issue 7), in a real browser: choose, paste, run, point, accept, dismiss, search.

On every walk: no request leaves the origin, no script fails, the policy of the page is kept. Screenshots are kept in
``build/screenshots``.
"""

import json

import browser as real
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from runner import ROOT
from test_operators import CLIENTS
from test_review import given, heard

from cds_service.app import create_app
from cds_service.pages import samples
from cds_service.pages.site import WORDS
from cds_service.settings import Settings

TOKEN = "an operator's token of thirty-two"
SCREENSHOTS = ROOT / "build/screenshots"
#: WCAG 2.2 AA, and what axe calls good practice.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
#: What another scheme and another width can change: contrast, size of targets, orientation.
AGAIN = RULES | {"runOnly": ["wcag2aa", "wcag21aa", "wcag22aa"]}
PLAY, EHR, CHART = WORDS["playground"], WORDS["ehr"], WORDS["chart"]
VIOLATIONS = "document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.blockedURI}`));"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The address of the service in dev, with a database and an operator."""
    data = tmp_path_factory.mktemp("kept")
    app = create_app(Settings(dev=True, data=str(data), operator_token=TOKEN))
    store = app.extensions["kept"].store
    clock = store.clock
    for number in range(12):
        given(store, f"seed-{number}", number % 5, withheld="shadow" if number == 3 else "")
        heard(store, f"seed-{number}", "accepted" if number % 3 else "overridden", "need-more-info")
    store.clock = clock
    with real.serving(app) as address:
        yield address
    store.engine.dispose()


@pytest.fixture
def walk(page, base):
    """A page that watches what a browser may not do."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(VIOLATIONS)
    page.base = base
    yield page
    assert [url for url in asked if not url.startswith(page.base)] == []
    assert page.broke == []
    assert [said for said in page.said if said.startswith("error")] == []


def kept(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def accessible(page, rules=RULES):
    found = Axe().run(page, options=rules).response["violations"]
    return [(one["id"], [node["html"][:150] for node in one["nodes"]][:3]) for one in found]


def sideways(page):
    """Pixels that the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def play(page, sample=""):
    page.goto(f"{page.base}/playground")
    if sample:
        page.locator(f"[data-sample={sample}]").click()
        done(page)


def done(page):
    expect(page.get_by_role("status").first).to_contain_text(PLAY["done"])


def sign_in(page):
    page.goto(f"{page.base}/sign-in")
    page.get_by_label(WORDS["door"]["token"]).fill(TOKEN)
    page.get_by_role("button", name=WORDS["door"]["enter"]).click()


def test_what_the_walks_watch_for_would_be_seen(page, base):
    page.add_init_script(VIOLATIONS)
    page.goto(f"{base}/codes")
    page.evaluate(
        """() => {
          const inline = document.createElement("script");
          inline.textContent = "document.title = 'run'";
          const far = document.createElement("img");
          far.src = "https://elsewhere.example/x.png";
          document.body.append(inline, far);
          document.querySelector("label[for=find]").remove();
          document.querySelector("#find").removeAttribute("placeholder");
        }"""
    )
    expect(page).not_to_have_title("run")
    said = " ".join(page.said)
    assert "policy: inline" in said
    assert "policy: https://elsewhere.example" in said
    assert {name for name, _ in accessible(page)} >= {"label", "image-alt"}
    page.evaluate("document.querySelector('h1').style.color = '#ccc'")
    assert "color-contrast" in {name for name, _ in accessible(page, AGAIN)}


# --- every page -----------------------------------------------------------------------------------------

PAGES = {
    "home": "/",
    "map": "/codes",
    "code": "/codes/M99.76",
    "rules": "/rules",
    "rule": "/rules/other-code-documented",
    "search": "/search?q=neural+foramen",
    "sign-in": "/sign-in",
    "playground": "/playground",
    "review": "/review",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_light_and_wide_dark_and_narrow(walk, name):
    if name == "review":
        sign_in(walk)
    for scheme, width, height, rules in (("light", 1440, 900, RULES), ("dark", 390, 844, AGAIN)):
        walk.emulate_media(color_scheme=scheme)
        walk.set_viewport_size({"width": width, "height": height})
        assert walk.goto(f"{walk.base}{PAGES[name]}").ok
        assert walk.locator("h1").count() == 1
        assert accessible(walk, rules) == []
        assert sideways(walk) <= 0
        kept(walk, f"{name}-{scheme}")


# --- the playground -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_an_answer_is_accessible_and_fits(walk, scheme, width):
    walk.emulate_media(color_scheme=scheme)
    walk.set_viewport_size({"width": width, "height": 900})
    play(walk, "exit-not-canal")
    walk.locator("[data-feedback]").first.click()
    expect(walk.locator("ins").first).to_be_visible()
    assert accessible(walk) == []
    assert sideways(walk) <= 0
    kept(walk, f"answer-{scheme}")


def test_pointing_at_a_mark_tells_what_it_means(walk):
    play(walk, "exit-not-canal")
    means = walk.locator("#means")
    expect(means).to_have_text(CHART["nothing"])
    walk.locator("mark.counts", has_text="narrows the right neural foramen").hover()
    expect(means).to_have_text("site: intervertebral foramen, stated, " + CHART["counts"])
    walk.locator("mark.historical", has_text="spur").hover()
    expect(means).to_have_text("mechanism: osseous, " + WORDS["assertion"]["historical"])
    walk.locator("mark.negated", has_text="stenosis of the central canal").hover()
    expect(means).to_contain_text(WORDS["assertion"]["negated"])


def test_each_axis_has_a_colour_and_a_line_of_its_own(walk):
    play(walk, "exit-not-canal")
    drawn = walk.locator(".legend mark").evaluate_all(
        """(marks) => marks.map((mark) => {
          const style = getComputedStyle(mark);
          return [style.backgroundColor,
                  [style.textDecorationLine, style.textDecorationStyle, style.textDecorationThickness].join(" ")];
        })"""
    )
    assert len(drawn) == 7
    assert len({colour for colour, _ in drawn}) == 7
    assert len({line for _, line in drawn}) == 7, "neither has to be seen"


def test_the_card_its_axes_and_the_rule_stand_beside_the_chart(walk):
    play(walk, "exit-not-canal")
    card = walk.get_by_role("article")
    expect(card).to_contain_text("The selected code and the documented site differ.")
    expect(walk.get_by_role("row", name="site")).to_contain_text(WORDS["stands"]["contradicted"])
    expect(walk.get_by_role("row", name="mechanism")).to_contain_text("disc bulge")
    walk.get_by_role("link", name="The record supports another code").click()
    expect(walk).to_have_url(f"{walk.base}/rules/other-code-documented")


def test_accepting_shows_the_changed_resources_and_tells_the_service(walk):
    play(walk, "exit-not-canal")
    with walk.expect_request("**/feedback") as told:
        walk.get_by_role("button", name=EHR["accept"]).first.click()
    entry = json.loads(told.value.post_data)["feedback"][0]
    assert (entry["outcome"], told.value.response().status) == ("accepted", 200)
    expect(walk.locator(".told").first).to_have_text(PLAY["accepted"])
    expect(walk.locator("del", has_text="M99.53")).to_have_count(2)
    expect(walk.locator("ins", has_text="M99.73")).to_have_count(2)
    expect(walk.get_by_role("button", name=EHR["dismiss"])).to_be_disabled()


def test_dismissing_with_a_reason_tells_the_service_and_the_advice_is_not_repeated(walk):
    play(walk, "two-tissues")
    walk.get_by_label(EHR["reasons"]).select_option(
        label="Institutional policy/guideline contradicts the recommended action"
    )
    with walk.expect_request("**/feedback") as told:
        walk.get_by_role("button", name=EHR["dismiss"]).click()
    assert json.loads(told.value.post_data)["feedback"][0]["overrideReason"]["reason"]["code"] == "policy-contradicts"
    expect(walk.locator(".told").first).to_have_text(PLAY["overridden"])
    walk.get_by_role("button", name=PLAY["run"]).click()
    expect(walk.locator(".aside")).to_have_text(PLAY["left_out"].format(count=1))
    play(walk, "two-tissues")
    expect(walk.get_by_role("article")).to_be_visible()


def test_a_chart_of_ones_own_is_written_and_asked(walk):
    play(walk)
    walk.get_by_label(PLAY["codes"]).fill("M99.63")
    walk.get_by_label(PLAY["date"]).fill("2026-11-02")
    walk.get_by_label("Transforaminal epidural steroid injection").check()
    walk.get_by_label(PLAY["note"]).fill("MRI: an osteophyte narrows the right L4-L5 foramen.\nAssessment: as above.")
    walk.get_by_role("button", name=PLAY["run"]).click()
    done(walk)
    expect(walk.get_by_role("article")).to_contain_text("Not located: earlier treatment")
    expect(walk.locator("mark.mechanism", has_text="osteophyte").first).to_be_visible()
    made = json.loads(walk.locator("#raw-request").text_content())
    assert made["context"]["draftOrders"]["entry"][0]["resource"]["code"]["coding"][0]["code"] == "64483"


def test_a_record_that_carries_the_code_has_no_card_and_says_so(walk):
    play(walk, "leg-nerve")
    expect(walk.locator(".aside")).to_have_text(EHR["silent"])
    expect(walk.get_by_role("article")).to_have_count(0)


def test_a_hook_request_is_loaded_from_a_file_and_from_a_drop(walk):
    play(walk)
    path = ROOT / "tests/requests/structural.json"
    walk.get_by_label(PLAY["load"]).set_input_files(path)
    done(walk)
    expect(walk.get_by_role("article")).to_contain_text("category of its own")
    expect(walk.get_by_role("status").first).to_contain_text("structural.json")
    discharge = (ROOT / "tests/requests/discharge.json").read_text(encoding="utf-8")
    drop(walk, "discharge.json", discharge)
    expect(walk.get_by_role("status").first).to_contain_text("discharge.json")
    assert json.loads(walk.locator("#raw-request").text_content()) == json.loads(discharge)
    drop(walk, "notes.txt", "no request")
    expect(walk.get_by_role("status").first).to_have_text(PLAY["unreadable"])
    expect(walk.get_by_role("article")).to_have_count(0)


def drop(page, name, text):
    held = page.evaluate_handle(
        """([name, text]) => {
          const held = new DataTransfer();
          held.items.add(new File([text], name));
          return held;
        }""",
        [name, text],
    )
    page.dispatch_event("#playground", "drop", {"dataTransfer": held})


def test_the_request_can_be_copied_as_curl(walk):
    walk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    play(walk, "herniation")
    walk.get_by_role("button", name=PLAY["copy_curl"]).click()
    expect(walk.locator(".tools .told")).to_have_text(PLAY["copied"])
    command = walk.evaluate("navigator.clipboard.readText()")
    assert command.startswith("curl --silent")
    assert f"'{walk.base}/cds-services/m99-order-sign'" in command
    assert command == walk.locator("#curl").text_content()


def test_nothing_is_kept_in_the_browser_and_a_reload_forgets(walk):
    play(walk, "herniation")
    assert walk.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert walk.context.cookies() == []
    assert walk.url == f"{walk.base}/playground", "nothing typed is in the address"
    walk.reload()
    expect(walk.get_by_label(PLAY["note"])).to_have_value("")
    expect(walk.locator("#result")).to_be_empty()
    expect(walk.locator(".banner")).to_contain_text(PLAY["banner_dev"])


def test_a_service_that_does_not_answer_is_said_and_never_looks_like_silence(walk):
    play(walk, "leg-nerve")
    walk.context.set_offline(True)
    walk.get_by_role("button", name=PLAY["run"]).click()
    expect(walk.get_by_role("status").first).to_have_text(PLAY["unreachable"])
    expect(walk.locator(".aside")).to_have_count(0)
    walk.context.set_offline(False)
    walk.said.clear()  # the browser says that it was offline


def test_a_request_that_is_refused_is_said_with_its_place(walk):
    play(walk, "leg-nerve")
    drop(walk, "broken.json", json.dumps({"hook": "order-sign", "hookInstance": 1, "context": {}}))
    expect(walk.get_by_role("status").first).to_contain_text(f"{PLAY['failed']} 400")
    expect(walk.get_by_role("status").first).to_contain_text("hookInstance")
    expect(walk.locator(".aside")).to_have_count(0)
    walk.said.clear()  # the browser says that a request was refused


# --- by keyboard ----------------------------------------------------------------------------------------


def test_the_playground_is_usable_by_keyboard_alone(walk):
    play(walk)
    press = walk.keyboard.press
    press("Tab")
    expect(walk.get_by_role("link", name=WORDS["page"]["skip"])).to_be_focused()
    press("Enter")
    press("Tab")
    first = next(iter(samples.read().values()))
    expect(walk.locator(f"[data-sample={first.id}]")).to_be_focused()
    press("Enter")
    done(walk)
    press("Tab")
    marks = walk.locator(".note").first.locator("mark")
    expect(marks.nth(0)).to_be_focused()
    expect(walk.locator("#means")).not_to_have_text(CHART["nothing"])
    press("ArrowRight")
    expect(marks.nth(1)).to_be_focused()
    press("ArrowLeft")
    expect(marks.nth(0)).to_be_focused()
    accept = walk.get_by_role("button", name=EHR["accept"]).first
    for _ in range(12):
        press("Tab")
        if accept.evaluate("(button) => button === document.activeElement"):
            break
    expect(accept).to_be_focused()
    assert accept.evaluate("(button) => getComputedStyle(button).outlineStyle") == "solid", "focus can be seen"
    press("Enter")
    expect(walk.locator(".told").first).to_have_text(PLAY["accepted"])


@pytest.mark.parametrize("width", [390, 1440])
def test_a_mark_that_is_gone_to_is_never_hidden_behind_what_it_means(walk, width):
    """WCAG 2.4.11"""
    walk.set_viewport_size({"width": width, "height": 700})
    play(walk, "exit-not-canal")
    walk.locator(".note mark").first.focus()
    hidden = """(mark) => {
      const [own, ...over] = [mark, document.querySelector(".means"), document.querySelector(".top")]
        .map((one) => one.getBoundingClientRect());
      const meets = (one, low, high) => one[low] < own[high] && own[low] < one[high];
      const covers = (one) => meets(one, "top", "bottom") && meets(one, "left", "right");
      return own.top < 0 || own.bottom > innerHeight || over.some(covers);
    }"""
    marks = walk.locator(".note").first.locator("mark")
    assert marks.count() > 6
    for number in range(marks.count()):
        expect(marks.nth(number)).to_be_focused()
        assert not marks.nth(number).evaluate(hidden), number
        walk.keyboard.press("ArrowRight")


# --- reading --------------------------------------------------------------------------------------------


def test_search_leads_to_a_code_its_sibling_and_the_map(walk):
    walk.goto(walk.base)
    walk.get_by_role("searchbox").fill("disc foramina lumbar")
    walk.get_by_role("searchbox").press("Enter")
    walk.get_by_role(
        "link", name="Connective tissue and disc stenosis of intervertebral foramina of lumbar region"
    ).click()
    expect(walk.get_by_role("heading", level=1)).to_contain_text("lumbar region")
    walk.get_by_role("link", name="M99.63").first.click()
    expect(walk).to_have_url(f"{walk.base}/codes/M99.63")
    walk.get_by_role("link", name=WORDS["page"]["codes"]).first.click()
    walk.get_by_role("link", name="M99.76").click()
    expect(walk.get_by_role("heading", name=WORDS["code"]["questions"])).to_be_visible()
    expect(walk.locator(".statement", has_text="How does it differ from M99.66?")).to_contain_text("policy C1")
    walk.get_by_role("link", name=WORDS["page"]["name"], exact=True).click()
    expect(walk).to_have_url(f"{walk.base}/")


def test_the_home_page_leads_into_the_playground_and_shows_the_prefetch(walk):
    walk.goto(walk.base)
    expect(walk.get_by_role("article")).to_contain_text("The selected code and the documented site differ.")
    walk.locator("summary").first.click()
    expect(walk.get_by_text("DocumentReference?encounter={{context.encounterId}}").first).to_be_visible()
    walk.get_by_role("link", name=WORDS["home"]["try"]).click()
    expect(walk.get_by_role("heading", level=1)).to_have_text(PLAY["title"])


# --- the operator ---------------------------------------------------------------------------------------


def test_in_production_an_operator_plays_with_a_session_and_a_stranger_does_not(walk, tmp_path):
    """The cookie is one that only secure origins have; a browser takes this machine for one."""
    clients = tmp_path / "clients.toml"
    clients.write_text(CLIENTS)
    app = create_app(Settings(clients=str(clients), operator_token=TOKEN))
    with real.serving(app) as walk.base:
        walk.goto(f"{walk.base}/playground")
        expect(walk).to_have_url(f"{walk.base}/sign-in")
        sign_in(walk)
        expect(walk.locator(".banner")).not_to_contain_text(PLAY["banner_dev"])
        walk.locator("[data-sample=herniation]").click()
        done(walk)
        walk.get_by_role("button", name=EHR["dismiss"]).click()
        expect(walk.locator(".told").first).to_have_text(PLAY["overridden"])
        assert "$TOKEN" in walk.locator("#curl").text_content(), "a client signs its calls"
        [cookie] = walk.context.cookies()
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    app.extensions["kept"].store.engine.dispose()


def test_an_operator_signs_in_sees_the_review_plays_and_signs_out(walk):
    walk.goto(f"{walk.base}/review")
    expect(walk).to_have_url(f"{walk.base}/sign-in")
    sign_in(walk)
    walk.get_by_role("link", name=WORDS["page"]["review"], exact=True).click()
    expect(walk.get_by_role("heading", level=1)).to_have_text(WORDS["review"]["title"])
    expect(walk.get_by_role("img").first).to_be_visible()
    walk.get_by_role("link", name=WORDS["review"]["way"]["pair"]).click()
    expect(walk.get_by_role("heading", name="M99.53 -> M99.73")).to_be_visible()
    play(walk, "spur-not-disc")
    expect(walk.get_by_role("article")).to_be_visible()
    walk.get_by_role("button", name=WORDS["page"]["sign_out"]).click()
    walk.goto(f"{walk.base}/review")
    expect(walk).to_have_url(f"{walk.base}/sign-in")
