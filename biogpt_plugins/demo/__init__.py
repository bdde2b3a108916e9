"""The demonstration: five invented papers through LangChain and LlamaIndex."""
