"""The demo: five invented papers, read with LangChain and LlamaIndex."""
