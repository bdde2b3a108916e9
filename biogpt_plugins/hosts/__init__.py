"""What the adapters to LangChain and LlamaIndex share."""
