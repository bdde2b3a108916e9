"""Code that the LangChain and LlamaIndex adapters share."""
