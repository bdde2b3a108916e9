"""The page at `/`, without a browser: who may have it, what it may do, and what is in it."""

import re
from importlib.resources import files

import pytest
from serving import told

from biogpt_plugins.testing import ScriptedEngine

pytestmark = pytest.mark.enable_socket
ASSETS = files("biogpt_plugins.serve").joinpath("assets")
PATHS = {"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript"}


def test_everybody_may_have_it_but_not_what_it_asks(serve):
    client = serve(ScriptedEngine(), tokens=["open-sesame-1"])
    for path, kind in PATHS.items():
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    told(client.get("/v1/tasks"), 401)
    for path in ("/v1/papers", "/v1/watch"):
        told(client.post(path, json={}), 401)


def test_other_names_of_this_machine_do_not_get_it(serve):
    told(serve(ScriptedEngine()).get("/", headers={"Host": "evil.example"}), 421)


@pytest.mark.parametrize("path", PATHS)
def test_it_runs_its_own_script_only_and_asks_its_own_server_only(served, path):
    headers = served.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src 'self'; style-src 'self'; connect-src 'self'; " in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert not re.search(r"unsafe|https?:|\*|nonce", policy)
    assert headers["x-content-type-options"] == "nosniff"


def test_nothing_in_it_is_from_elsewhere_or_inline(served):
    page = served.get("/").text
    assert re.findall(r"<script[^>]*>", page) == ['<script src="page.js" defer>']
    assert not re.search(r"<style|\son\w+=|\sstyle=|https?:|//", page)
    assert not re.search(r"@import|url\(|https?:", served.get("/page.css").text)
    links = re.findall(r'"?`?https?://[^/"]+', served.get("/page.js").text)
    followed = {"`https://pubmed.ncbi.nlm.nih.gov", "`https://meshb.nlm.nih.gov"}
    assert {*links} - {'"http://www.w3.org'} == followed  # links, which people follow


def test_all_fields_have_labels(served):
    page = served.get("/").text
    fields = re.findall(r"<(?:input|select|textarea) id=\"(\w+)\"", page)
    assert len(fields) == 8
    inside = re.findall(r"<label\b.*?</label>", page, re.DOTALL)
    for name in fields:
        assert f'<label for="{name}">' in page or any(f'id="{name}"' in one for one in inside)


@pytest.mark.parametrize("asset", sorted(one.name for one in ASSETS.iterdir()))
def test_no_asset_makes_markup_of_data(asset):
    text = ASSETS.joinpath(asset).read_text(encoding="utf-8")
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
    assert not re.search(ways, text)
    assert ("fetch(" in text) == (asset == "asking.js")
    assert len(text.splitlines()) < 300


def test_it_is_no_endpoint_of_the_description(served):
    paths = served.get("/openapi.json").json()["paths"]
    assert not PATHS.keys() & paths.keys()
    assert {"/v1/tasks", "/v1/papers", "/v1/watch"} <= paths.keys()
