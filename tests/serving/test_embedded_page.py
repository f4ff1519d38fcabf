"""The page for people: what it is made from, what it allows, and in Chromium where that is here."""

import base64
import hashlib
import html.parser
import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import PIL.Image
import pytest
from browser import CHROMIUM, Browser
from embedded import embedded

import kzoo
from kzoo.export.inference.runner import Runner
from kzoo.export.layout import CARD
from kzoo.serving.embedded.page import page
from kzoo.serving.embedded.page.document import described

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028 ${title}"


@pytest.fixture(scope="module")
def iris(published, tmp_path_factory):
    """An export whose card names its columns."""
    base = shutil.copytree(published, tmp_path_factory.mktemp("page") / "iris")
    path = base / "2" / CARD
    names = kzoo.load_dataset("iris").task.feature_names
    path.write_text(json.dumps(json.loads(path.read_text()) | {"feature_names": names}))
    return base


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The export that comes with the repository."""
    source = Path(kzoo.__file__).parents[1] / "saved_models" / "digits"
    return shutil.copytree(source, tmp_path_factory.mktemp("page") / "digits")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A regression of a column, a text, a flag and a series of any length, under hostile names."""
    inputs = {
        "age": keras.Input((), name="age"),
        "comment": keras.Input((1,), dtype="string", name="comment"),
        "member": keras.Input((), dtype="bool", name="member"),
        "series": keras.Input((None, 2), name="series"),
        "count": keras.Input((3,), dtype="int32", name="count"),
    }
    layers = keras.layers
    parts = [
        layers.Reshape((1,))(inputs["age"]),
        layers.Reshape((1,))(keras.ops.cast(inputs["member"], "float32")),
        layers.GlobalAveragePooling1D()(inputs["series"]),
        keras.ops.cast(inputs["count"], "float32"),
    ]
    outputs = {
        "price": layers.Dense(1)(layers.Concatenate()(parts)),
        "said": layers.Identity()(inputs["comment"]),
    }
    examples = {
        "age": np.arange(4, dtype="float32"),
        "comment": np.array([["<b>é</b>"]] * 4, object),
        "member": np.array([True, False, True, False]),
        "series": np.ones((4, 5, 2), "float32") / 3,
        "count": np.ones((4, 3), "int32"),
    }
    base = tmp_path_factory.mktemp("page") / "mixed"
    card = kzoo.ModelCard(description="It knows prices.", data="<b>bold</b>", metrics={"test": {"loss": 0.5}})
    kzoo.export_model(keras.Model(inputs, outputs), base, examples=examples, card=card)
    return base


class Parts(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.block, self.texts = [], None, {"style": [], "script": [], "title": []}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.block = tag if tag in self.texts else self.block
        if self.block == tag:
            self.texts[tag].append("")

    def handle_data(self, data):
        if self.block:
            self.texts[self.block][-1] += data

    def handle_endtag(self, tag):
        self.block = None if tag == self.block else self.block


def policy(headers):
    return dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_nothing_but_its_own_script_runs(published):
    with embedded(published) as server:
        status, headers, content = server.ask("GET", "/")
    assert (status, headers.get_content_type(), headers["X-Content-Type-Options"]) == (200, "text/html", "nosniff")
    parts, allowed = Parts(content.decode()), policy(headers)
    assert allowed["default-src"] == allowed["form-action"] == allowed["frame-ancestors"] == "'none'"
    assert allowed["connect-src"] == "'self'"
    _, script = parts.texts["script"]
    assert allowed["script-src"] == digest(script) and allowed["style-src"] == digest(parts.texts["style"][0])
    # Nothing comes from elsewhere, and nothing runs by an attribute.
    for tag, attributes in parts.tags:
        assert not {"src", "srcdoc", "style"} & set(attributes) and not [
            each for each in attributes if each[:2] == "on"
        ]
        assert attributes.get("href", "data:,") == "data:,", tag
    assert "http" not in content.decode().replace("http-equiv", "")


def test_hostile_cards_are_text(published, tmp_path):
    base = shutil.copytree(published, tmp_path / "iris")
    path = base / "2" / CARD
    card = json.loads(path.read_text())
    card |= {"description": HOSTILE, "data": [HOSTILE], "class_names": [HOSTILE, {"a": 1}, 3], "parameters": HOSTILE}
    path.write_text(json.dumps(card))
    with Runner(base / "2") as runner:
        text = page(runner, "iris", "x")
        text.encode()
        parts = Parts(text)
        assert [tag for tag, _ in parts.tags].count("script") == 2 and "img" not in dict(parts.tags)
        assert json.loads(parts.texts["script"][0])["description"] == HOSTILE
        # Another's files, of any form.
        golden = path.with_name("golden.json")
        for content in (
            "",
            "[",
            "[" * 100_000,
            "3",
            "{}",
            "[1]",
            '[{"request": {"inputs": 3}}]',
            "null",
            "\ud800",
            '{"description": "\\ud800"}',
        ):
            path.write_bytes(content.encode(errors="surrogatepass"))
            golden.write_bytes(content.encode(errors="surrogatepass"))
            assert described(runner, "iris")["inputs"][0]["example"] is None
        for known in ({"metrics": 3}, {"metrics": {"a": 3}}, {"class_names": 3}, {"feature_names": {"a": 1}}):
            path.write_text(json.dumps(known))
            assert page(runner, "iris", "x")


def test_forms_are_made_from_the_inputs(iris, digits, mixed):
    with Runner(iris / "2") as runner:
        known = described(runner, "iris")
        (only,) = known["inputs"]
        assert only["kind"] == "columns" and only["names"][0] == "sepal length (cm)" and len(only["example"]) == 4
        assert known["classes"] == ["setosa", "versicolor", "virginica"]
        assert known["signatures"][0][0] == "serving_default"
    with Runner(digits / "1") as runner:
        known = described(runner, "digits")
        (only,) = known["inputs"]
        assert (only["kind"], only["white"], np.shape(only["example"])) == ("image", 16, (8, 8, 1))
        assert ["parameters", "16,522"] in known["facts"] and known["results"][0] == ["", "accuracy", "loss"]
    with Runner(mixed / "1") as runner:
        known = described(runner, "mixed")["inputs"]
        kinds = {each["name"]: (each["kind"], each.get("names")) for each in known}
        listed = json.loads((mixed / "1" / CARD).read_text())["signatures"]["serving_default"]["inputs"]
        assert [each["name"] for each in known] == [text.partition(": ")[0] for text in listed]
    assert kinds == {
        "age": ("columns", ["age"]),
        "comment": ("columns", ["comment"]),
        "member": ("columns", ["member"]),
        "series": ("json", None),
        "count": ("columns", ["0", "1", "2"]),
    }


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


def press(browser, server, expected):
    browser.run("document.querySelector('#form').requestSubmit()")
    browser.wait(f"document.querySelector('#answer').innerText.includes({json.dumps(expected)})")
    assert browser.problems() == []
    # Works without a network: nothing but the page and its own request.
    assert all(each.startswith((f"http://127.0.0.1:{server.port}/", "data:,")) for each in browser.requested())


def text(browser, selector):
    return browser.run(f"document.querySelector({json.dumps(selector)}).textContent")


@pytest.fixture(scope="module")
def digits_server(digits):
    with embedded(digits) as server:
        yield server


@pytest.fixture(scope="module")
def mixed_server(mixed):
    with embedded(mixed) as server:
        yield server


@needs_chromium
def test_columns_and_bars(browser, iris, rows):
    with embedded(iris) as server:
        browser.open(f"http://127.0.0.1:{server.port}/")
        assert "sepal length (cm)" in text(browser, "#fields") and "version 2" in text(browser, "h1")
        fill = "[...document.querySelectorAll('#fields input')].forEach((each, at) => { each.value = %s[at]; })"
        browser.run(fill % json.dumps(rows[0].tolist()))
        _, answer = server.json("POST", "/v1/models/iris:predict", {"instances": rows[:1].tolist()})
        scores = answer["predictions"][0]["probabilities"]
        best = ["setosa", "versicolor", "virginica"][int(np.argmax(scores))]
        press(browser, server, f"{100 * max(scores):.1f} %")
        assert text(browser, ".best") == best and browser.run("document.querySelectorAll('.bar').length") == 3
        width = browser.run("parseFloat(document.querySelector('.bar i').style.width)")
        assert width == pytest.approx(100 * max(scores), abs=0.01)
        assert text(browser, "#curl").startswith("curl -d '{") and "predictions" in text(browser, "#raw")
        # What the server refuses is shown as it says it, and the form can be sent again.
        browser.run("model.address = '/v1/models/wine:predict'")
        press(browser, server, "Servable not found for request: Latest(wine)")
        browser.run("model.address = '/v1/models/iris:predict'")
        press(browser, server, best)


@needs_chromium
def test_an_image_is_dropped(browser, digits_server, tmp_path):
    server = digits_server
    browser.open(f"http://127.0.0.1:{server.port}/")
    press(browser, server, "%")
    example = text(browser, ".best")
    pixels = np.zeros((8, 8), "uint8")
    pixels[:, 3:5] = 255
    PIL.Image.fromarray(pixels).save(tmp_path / "one.png")
    browser.choose_file("#fields input[type=file]", tmp_path / "one.png")
    browser.wait("document.querySelector('.drop').innerText === 'one.png'")
    body = browser.run("body()")
    np.testing.assert_allclose(np.array(body["instances"])[0, :, :, 0], pixels / 255 * 16, atol=0.01)
    _, answer = server.json("POST", "/v1/models/digits:predict", body)
    press(browser, server, answer["predictions"][0]["label"])
    browser.run("document.querySelector('input[type=checkbox]').click()")
    np.testing.assert_allclose(browser.run("body()")["instances"][0][0][3], [0], atol=0.01)
    browser.run("document.querySelector('#example').click()")
    press(browser, server, example)
    # Dropped, an image goes the same way.
    (tmp_path / "none.png").write_text("no image")
    browser.choose_file("#fields input[type=file]", tmp_path / "none.png")
    browser.wait("document.querySelector('.drop').innerText.includes('none.png is not an image')")


@needs_chromium
def test_other_inputs_and_answers(browser, mixed_server):
    server = mixed_server
    browser.open(f"http://127.0.0.1:{server.port}/")
    assert "It knows prices." in text(browser, "header") and "<b>bold</b>" in text(browser, "#facts")
    press(browser, server, "<b>é</b>")
    said = text(browser, "#answer")
    assert "price" in said and re.search(r"-?\d\.\d+", said)
    browser.run("document.querySelector('textarea').value = '[['")
    press(browser, server, "series is not JSON")


@needs_chromium
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(browser, mixed_server, digits_server, width, dark):
    for server in (mixed_server, digits_server):
        browser.open(f"http://127.0.0.1:{server.port}/", width=width, dark=dark)
        press(browser, server, "price" if server is mixed_server else "%")
        browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert browser.run("document.documentElement.scrollWidth") <= width
        ground = browser.run("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground))) < 300) == dark
