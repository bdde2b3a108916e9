# syntax=docker/dockerfile:1
# `biogpt serve` in a container: docs/serving.md, "In a container".
#
#     docker build -t biogpt .                                                                # CPU
#     docker build -t biogpt:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
#
# The tested Python; constraints.txt has the tested versions of all else.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-trixie AS base
ENV PATH=/opt/biogpt/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONUNBUFFERED=1


FROM base AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY integrations integrations
COPY biogpt_plugins biogpt_plugins
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels .


# The libraries without this package, so that their layer stays when only its code changes.
FROM base AS libraries
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=serve,mcp,ctranslate2
WORKDIR /source
COPY constraints.txt ./
# torch comes first and alone: with it in place nothing else asks for another build of it.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/biogpt && \
    pip install --no-compile --no-deps --constraint constraints.txt --index-url "$TORCH_INDEX" torch
COPY pyproject.toml README.md LICENSE ./
COPY biogpt_plugins/__init__.py biogpt_plugins/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-compile --constraint constraints.txt ".[$EXTRAS]" && \
    pip uninstall --yes biogpt-plugins


FROM base AS package
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends tini && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --uid 10001 --create-home biogpt && \
    install --directory --owner biogpt /hub /models
COPY --from=libraries /opt/biogpt /opt/biogpt
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-compile --no-cache-dir --no-deps --no-index /wheels/*.whl
# Models of a hub are downloaded into the volume; your own are mounted at /models. NVIDIA's runtime
# reads the last two variables.
ENV HF_HOME=/hub \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /hub
USER 10001


# A notebook that asks the server: `docker build --target notebook`, as compose.yaml does.
FROM package AS notebook
USER 0
COPY constraints.txt /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-compile --constraint /tmp/constraints.txt jupyterlab==4.6.6 \
    langchain langchain-chroma langchain-core langchain-openai \
    llama-index-core llama-index-llms-openai-like llama-index-vector-stores-chroma && \
    install --directory --owner biogpt /work
USER 10001
WORKDIR /work
VOLUME /work
EXPOSE 8888
ENTRYPOINT ["tini", "--"]
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser"]


FROM package AS server
ARG REVISION=unknown
LABEL org.opencontainers.image.title="biogpt serve" \
      org.opencontainers.image.description="BioGPT over HTTP: typed biomedical relations and answers, and OpenAI's completions" \
      org.opencontainers.image.source="https://github.com/biogpt-plugins/biogpt-plugins" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$REVISION"
EXPOSE 8000
# 503 while requests are finished after SIGTERM, which tini passes on.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m --start-interval=2s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["tini", "--", "biogpt"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
