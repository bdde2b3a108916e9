"""OpenAI's own client, and those of LangChain and LlamaIndex, ask the server."""

import httpx
import pytest
from serving import PATIENCE

from biogpt_plugins import Decoding, load
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.testing import ScriptedEngine

openai = pytest.importorskip("openai", reason="openai is not installed")
pytestmark = pytest.mark.enable_socket

PROMPT = "lithium-induced tremor. a patient"


@pytest.fixture(scope="module")
def url(served):
    return f"{served.base_url}/v1"


@pytest.fixture(scope="module")
def text():
    decoding = Decoding(max_new_tokens=8)
    return load("demo", "bc5cdr").engine.complete([PROMPT], decoding)[0].text


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ask(client, **options):
    asked = {"model": "demo", "prompt": PROMPT, "max_tokens": 8, "temperature": 0}
    return client.completions.create(**{**asked, **options})


class TestOpenAI:
    def test_models(self, client):
        (model,) = client.models.list()
        assert client.models.retrieve(model.id).id == "demo"

    def test_a_completion(self, client, text):
        answer = ask(client, logprobs=1, prompt=[PROMPT, "aspirin"])
        assert answer.choices[0].text == text
        assert answer.usage.total_tokens == (
            answer.usage.prompt_tokens + answer.usage.completion_tokens
        )
        logprobs = answer.choices[1].logprobs
        assert len(logprobs.tokens) == len(logprobs.top_logprobs) == len(logprobs.text_offset)

    def test_token_ids(self, client, text):
        ids = load("demo", "bc5cdr").engine.token_ids(PROMPT)
        assert [one.text for one in ask(client, prompt=[ids, ids]).choices] == [text, text]

    def test_a_stream(self, client, text):
        pieces = list(ask(client, stream=True, stream_options={"include_usage": True}))
        assert "".join(one.choices[0].text for one in pieces[:-1]) == text
        assert pieces[-1].usage.completion_tokens > 0

    async def test_at_the_same_time(self, url, text):
        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
            answer = await ask(client)
            pieces = [piece async for piece in await ask(client, stream=True)]
        assert answer.choices[0].text == text == "".join(one.choices[0].text for one in pieces)

    def test_errors_are_its_own(self, client):
        with pytest.raises(openai.NotFoundError) as wrong:
            ask(client, model="gpt")
        assert (wrong.value.code, wrong.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError, match="best_of = 2 is not supported"):
            ask(client, best_of=2)
        with pytest.raises(openai.BadRequestError, match="is no piece of a text"):
            ask(client, prompt=[1, 2])

    def test_a_token(self, serve):
        served = serve(ScriptedEngine(["yes"]), tokens=["open-sesame"])
        url = f"{served.base_url}/v1"
        for key, error in (("wrong", openai.AuthenticationError), ("open-sesame", None)):
            with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
                if error:
                    with pytest.raises(error):
                        ask(client, model="scripted")
                else:
                    assert ask(client, model="scripted").choices[0].text == "yes"

    def test_a_busy_server_is_asked_again(self, serve):
        served = serve(ScriptedEngine(["yes"]), limits=Limits(queue=1))
        gate = served.app.state.service.gate
        place, seen = gate.admit(1), []

        def leave(response):
            seen.append(response.status_code)
            place.leave()

        options = {"base_url": f"{served.base_url}/v1", "api_key": "none", "max_retries": 1}
        with httpx.Client(event_hooks={"response": [leave]}) as hooks:
            client = openai.OpenAI(**options, http_client=hooks)
            assert ask(client, model="scripted").choices[0].text == "yes"
        assert seen == [429, 200]


@pytest.fixture
async def connections():
    """Clients of HTTP for hosts that do not close their own."""
    with httpx.Client(timeout=PATIENCE) as now:
        async with httpx.AsyncClient(timeout=PATIENCE) as later:
            yield now, later


class TestLangChain:
    @pytest.fixture
    def llm(self, url, connections):
        langchain = pytest.importorskip("langchain_openai", reason="langchain-openai is missing")
        return langchain.OpenAI(
            model="demo",
            base_url=url,
            api_key="none",
            temperature=0,
            max_tokens=8,
            http_client=connections[0],
            http_async_client=connections[1],
        )

    def test_the_ways_of_an_llm(self, llm, text):
        assert llm.invoke(PROMPT) == text
        assert llm.batch([PROMPT, PROMPT]) == [text, text]
        assert "".join(llm.stream(PROMPT)) == text
        assert llm.bind(stop=[text.split()[1]]).invoke(PROMPT) in text

    async def test_asynchronously(self, llm, text):
        assert await llm.ainvoke(PROMPT) == text
        assert "".join([piece async for piece in llm.astream(PROMPT)]) == text


class TestLlamaIndex:
    @pytest.fixture
    def llm(self, url, connections):
        module = pytest.importorskip(
            "llama_index.llms.openai_like", reason="llama-index-llms-openai-like is missing"
        )
        return module.OpenAILike(
            model="demo",
            api_base=url,
            api_key="none",
            temperature=0,
            max_tokens=8,
            http_client=connections[0],
            async_http_client=connections[1],
        )

    def test_the_ways_of_an_llm(self, llm, text):
        assert llm.complete(PROMPT).text == text
        *_, last = llm.stream_complete(PROMPT)
        assert last.text == text

    async def test_asynchronously(self, llm, text):
        assert (await llm.acomplete(PROMPT)).text == text
