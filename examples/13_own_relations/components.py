"""The model in LangChain and in LlamaIndex: the components name its folder, which records the task.

sh run.sh . && python components.py my-model
"""

import sys

from langchain_core.documents import Document
from llama_index.core.schema import TextNode

from langchain_biogpt import BioGPTGraphTransformer, BioGPTLLM
from llama_index_biogpt import BioGPTRelationExtractor, relations_of

TEXT = "Loss of SPQ7 delayed petal growth."
model = sys.argv[1]

llm = BioGPTLLM(model=model, decoding="grounded")
(graph,) = BioGPTGraphTransformer(llm=llm).convert_to_graph_documents([Document(page_content=TEXT)])
print(f"LangChain:  {len(graph.relationships)} relations")
for edge in graph.relationships:
    print(f"            {edge.source.id} -[{edge.type}]-> {edge.target.id}")

extractor = BioGPTRelationExtractor(model=model, decoding="grounded")
(node,) = extractor([TextNode(text=TEXT)])
print(f"LlamaIndex: {len(relations_of(node))} relations")
for relation in relations_of(node):
    print(f"            {relation}")
